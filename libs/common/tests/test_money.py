"""Money in minor units."""

from decimal import Decimal

import pytest
from iso4217 import Currency as IsoCurrency
from pydantic import TypeAdapter, ValidationError

from common.money import EXPONENTS, Currency, Money, exponent_of, format_money


@pytest.mark.parametrize(("currency", "exponent"), [("TZS", 2), ("UGX", 0), ("ISK", 0), ("BHD", 3), ("CLF", 4)])
def test_a_currency_has_the_decimals_of_iso_4217(currency: str, exponent: int) -> None:
    assert exponent_of(currency) == exponent


def test_the_table_is_that_of_iso_4217() -> None:
    published = {currency.code: currency.exponent for currency in IsoCurrency if currency.exponent is not None}
    assert published == EXPONENTS


@pytest.mark.parametrize("code", ["NET", "XXQ", "XXX", "XAU", "usd", "US", "EURO", "HRK", ""])
def test_a_code_that_iso_4217_does_not_list_is_rejected(code: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Currency).validate_python(code)


def test_a_stored_amount_outlives_its_currency() -> None:
    """Croatia's kuna was current until 2022: its orders are still read."""
    assert format_money(Money(amount=12345, currency="HRK")) == "HRK 123.45"


@pytest.mark.parametrize(
    ("major", "currency", "minor"), [("1500", "JPY", 1500), ("1.525", "KWD", 1525), ("18000", "TZS", 1_800_000)]
)
def test_major_units_become_minor_units(major: str, currency: str, minor: int) -> None:
    assert Money.from_major(Decimal(major), currency).amount == minor


@pytest.mark.parametrize(("major", "currency"), [("1.5", "JPY"), ("0.005", "TZS"), ("1.5251", "KWD")])
def test_a_fraction_of_a_minor_unit_is_rejected(major: str, currency: str) -> None:
    with pytest.raises(ValueError, match="decimals"):
        Money.from_major(Decimal(major), currency)


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (250000, "TZS", "TZS 2,500.00"),
        (5, "USD", "USD 0.05"),
        (1250000, "UGX", "UGX 1,250,000"),
        (2500, "ISK", "ISK 2,500"),
        (1234567, "KWD", "KWD 1,234.567"),
        (-150, "EUR", "EUR -1.50"),
    ],
)
def test_money_is_written_with_the_decimals_of_its_currency(amount: int, currency: str, text: str) -> None:
    assert format_money(Money(amount=amount, currency=currency)) == text


def test_the_error_of_a_currency_is_text_that_can_be_sent() -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(Currency).validate_python("\ud800")
    assert caught.value.errors()[0]["msg"].encode() == b"\\ud800 is not a currency of ISO 4217"
