"""Numbers as spreadsheets write them: read where one reading is possible, rejected where two are.

`1.850` is 1.85 in London and 1850 in Berlin, so a price of a thousand may come in as one. A number is ambiguous if one
separator stands before exactly three digits and one to three other digits, not beginning with 0, stand before it.
"""

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from catalog.imports.domain.cells import BadCellError, BadNumber, shown

DecimalMark = Literal[".", ","]

MAX_DIGITS = 40
SPACES = " '’\u00a0\u2009\u202f"
"""Separators of thousands that are never a decimal mark."""

SHAPE = re.compile(rf"[+-]?[0-9.,{SPACES}]+", re.ASCII)
SPACED = re.compile(rf"[0-9]{{1,3}}(?:[{SPACES}][0-9]{{3}})+(?:[.,][0-9]+)?")
SCIENTIFIC = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]*)?[eE][+-]?[0-9]+")
# Two digits between the separators too: India writes 12,00,000.
GROUPED = {mark: re.compile(rf"[1-9][0-9]{{0,2}}(?:[{mark}][0-9]{{2,3}})*[{mark}][0-9]{{3}}") for mark in ".,"}
OTHER: dict[str, str] = {".": ",", ",": "."}


@dataclass(frozen=True, slots=True)
class Notation:
    """How a file writes numbers.

    `mark` is the decimal mark if the importer states it. `point_is_decimal` says that the file itself is evidence for
    the point: JSON strings, and CSV whose cells are separated by commas.
    """

    mark: DecimalMark | None = None
    point_is_decimal: bool = False


def read_number(value: Any, notation: Notation, decimals: int = 0) -> Decimal:
    """The exact number of a cell. `decimals` is how many the column allows: with three, a point before three digits is
    a decimal point if the file is evidence for it. Raises BadCellError."""
    if isinstance(value, Decimal | int) and not isinstance(value, bool):
        return Decimal(value)
    if isinstance(value, BadNumber) or not isinstance(value, str):
        raise _not_a_number(value)
    text = value.strip()
    if SCIENTIFIC.fullmatch(text):
        raise BadCellError("scientific_notation", f"has an exponent, which may hide digits: {shown(text)}")
    if not SHAPE.fullmatch(text) or len(text) > MAX_DIGITS:
        raise _not_a_number(value)
    sign, digits = (text[0], text[1:]) if text[0] in "+-" else ("", text)
    try:
        return Decimal(sign + _plain(digits, notation, decimals))
    except InvalidOperation:
        raise _not_a_number(value) from None


def _plain(digits: str, notation: Notation, decimals: int) -> str:
    """The number with a decimal point and without separators of thousands."""
    if any(character in SPACES for character in digits):
        if not SPACED.fullmatch(digits):
            raise _not_a_number(digits)
        digits = "".join(character for character in digits if character not in SPACES)
        return _decimal(digits, next((mark for mark in ".," if mark in digits), "."), notation)
    marks = [character for character in digits if character in ".,"]
    if not marks:
        return digits
    last = marks[-1]
    if len(set(marks)) == 2:
        whole, _, fraction = digits.rpartition(last)
        if not GROUPED[OTHER[last]].fullmatch(whole):
            raise _not_a_number(digits)
        return _decimal(f"{whole.replace(OTHER[last], '')}{last}{fraction}", last, notation)
    if len(marks) > 1:
        return _thousands(digits, last, notation)
    if notation.mark is not None:
        return _decimal(digits, last, notation) if last == notation.mark else _thousands(digits, last, notation)
    if _is_ambiguous(digits, last) and not (last == "." and notation.point_is_decimal and decimals >= 3):
        raise _ambiguous(digits, last)
    return _decimal(digits, last, notation)


def _is_ambiguous(digits: str, mark: str) -> bool:
    whole, _, fraction = digits.partition(mark)
    return len(fraction) == 3 and 1 <= len(whole) <= 3 and whole[0] != "0"


def _decimal(digits: str, mark: str, notation: Notation) -> str:
    if digits.endswith(mark):
        raise _not_a_number(digits)
    if mark in digits and notation.mark not in (None, mark):
        raise BadCellError("wrong_decimal_mark", f"has another decimal mark than {notation.mark}: {shown(digits)}")
    return digits.replace(mark, ".")


def _thousands(digits: str, mark: str, notation: Notation) -> str:
    if notation.mark == mark or not GROUPED[mark].fullmatch(digits):
        raise _not_a_number(digits)
    return digits.replace(mark, "")


def _ambiguous(digits: str, mark: str) -> BadCellError:
    whole = digits.replace(mark, "")
    part = digits.replace(mark, ".")
    return BadCellError(
        "ambiguous_number",
        f"may be {whole} or {part}: write it without separator of thousands, or state the decimal mark: {digits}",
    )


def _not_a_number(value: Any) -> BadCellError:
    return BadCellError("not_a_number", f"is not a number: {shown(value)}")
