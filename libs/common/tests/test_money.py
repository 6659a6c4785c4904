"""Money in minor units."""

import pytest

from common.money import exponent_of


@pytest.mark.parametrize(("currency", "exponent"), [("TZS", 2), ("UGX", 0), ("ISK", 0), ("BHD", 3), ("CLF", 4)])
def test_a_currency_has_the_decimals_of_iso_4217(currency: str, exponent: int) -> None:
    assert exponent_of(currency) == exponent
