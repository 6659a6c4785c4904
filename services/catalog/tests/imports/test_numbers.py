"""Numbers of spreadsheets are read as written, or not at all."""

from decimal import Decimal
from typing import Any

import pytest

from catalog.imports.domain.cells import BadCellError
from catalog.imports.domain.numbers import DecimalMark, Notation, read_number

COMMA_SEPARATED = Notation(point_is_decimal=True)
SEMICOLONS = Notation()


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1500", "1500"),
        ("1.5", "1.5"),
        ("12,5", "12.5"),
        ("1999.90", "1999.9"),
        ("1,800.00", "1800"),
        ("1.800,00", "1800"),
        ("1.234.567", "1234567"),
        ("1,234,567.891", "1234567.891"),
        ("12,00,000.50", "1200000.5"),
        ("1 800,50", "1800.5"),
        ("1\u202f800", "1800"),
        ("1'800.00", "1800"),
        ("0,125", "0.125"),
        ("0.125", "0.125"),
        ("1850.125", "1850.125"),
        (".5", "0.5"),
        ("-3", "-3"),
    ],
)
@pytest.mark.parametrize("notation", [COMMA_SEPARATED, SEMICOLONS])
def test_a_number_with_one_reading_is_read(text: str, number: str, notation: Notation) -> None:
    assert read_number(text, notation) == Decimal(number)


@pytest.mark.parametrize("text", ["1.850", "1,850", "12.000", "999,999"])
@pytest.mark.parametrize("notation", [COMMA_SEPARATED, SEMICOLONS])
def test_a_number_with_two_readings_is_rejected(text: str, notation: Notation) -> None:
    with pytest.raises(BadCellError, match="may be") as raised:
        read_number(text, notation, decimals=2)
    assert raised.value.code == "ambiguous_number"


@pytest.mark.parametrize(
    ("text", "mark", "number"),
    [("1.850", ",", 1850), ("1.850", ".", "1.85"), ("1,850", ",", "1.85"), ("1.850,5", ",", "1850.5")],
)
def test_the_stated_decimal_mark_decides(text: str, mark: DecimalMark, number: Any) -> None:
    assert read_number(text, Notation(mark)) == Decimal(number)


@pytest.mark.parametrize(("text", "mark"), [("1.85", ","), ("12,5", "."), ("1,800.00", ","), ("1.2.3", ",")])
def test_a_number_that_contradicts_the_stated_mark_is_rejected(text: str, mark: DecimalMark) -> None:
    with pytest.raises(BadCellError):
        read_number(text, Notation(mark))


def test_three_decimals_of_a_currency_that_has_three_are_read_where_cells_are_separated_by_commas() -> None:
    assert read_number("1.525", COMMA_SEPARATED, decimals=3) == Decimal("1.525")
    with pytest.raises(BadCellError, match="may be 1525 or"):
        read_number("1.525", SEMICOLONS, decimals=3)


@pytest.mark.parametrize(
    "value",
    ["12 TZS", "$5", "1_000", "١٥", "1..5", "1,23,4.5", "12.34.56", "--1", "(5)", "NaN", "Infinity", "5.", True],
)
def test_what_is_no_number_is_rejected(value: Any) -> None:
    with pytest.raises(BadCellError):
        read_number(value, COMMA_SEPARATED)


@pytest.mark.parametrize("text", ["1.5E+03", "1e999999", "4,006E+12"])
def test_an_exponent_in_a_text_is_rejected(text: str) -> None:
    with pytest.raises(BadCellError) as raised:
        read_number(text, COMMA_SEPARATED)
    assert raised.value.code == "scientific_notation"
