"""Money as text."""

import pytest

from common.money import Money
from notifications.amounts import format_money


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
