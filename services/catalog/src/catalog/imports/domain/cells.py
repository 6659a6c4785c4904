"""Cells of a file: what is wrong with one, and how an error shows it."""

import json
import unicodedata
from typing import Any, NamedTuple

SHOWN_CHARACTERS = 40


class Problem(NamedTuple):
    """An error in one column of a row; without a column, in the row."""

    field: str | None
    code: str
    message: str


class BadCellError(ValueError):
    """A cell that has no value of its column's kind."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class BadNumber(str):
    """The text of a JSON number that is none: NaN, Infinity, or more digits than any price has."""

    __slots__ = ()


class RepeatedKeys(dict[str, Any]):
    """A JSON object that has a key twice; `repeated` is the first such key."""

    repeated = ""


def text_of(value: Any) -> str:
    """The text of a cell, without the white space around it, in NFC: one text for two spellings of an accent."""
    return unicodedata.normalize("NFC", str(value).strip())


def is_storable(text: str) -> bool:
    """False if it has NUL, which PostgreSQL cannot store, or half of a surrogate pair, which is no character."""
    return not any(character == "\x00" or "\ud800" <= character <= "\udfff" for character in text)


def shown(value: Any) -> str:
    """The beginning of a value for an error message; what cannot be printed is escaped."""
    if value is None:
        return "nothing"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    cut = text[:SHOWN_CHARACTERS] + ("…" if len(text) > SHOWN_CHARACTERS else "")
    return "".join(character if character.isprintable() else f"\\u{ord(character):04x}" for character in cut)
