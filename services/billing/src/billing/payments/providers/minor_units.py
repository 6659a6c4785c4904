"""How many minor units make a major one: a property of (currency, provider), not of the currency alone.

On this platform an amount has the digits of ISO 4217. Stripe's differ for a few currencies (its documentation,
"Currencies": zero-decimal and special cases), so amounts are converted for each call, exactly or not at all.
"""

from billing.errors import AmountNotPayable
from common.money import Money, exponent_of

STRIPE_EXPONENTS = {"ISK": 2, "UGX": 2, "MGA": 0}
"""The currencies whose digits at Stripe are not those of ISO 4217."""


def to_stripe(money: Money) -> int:
    """The amount in Stripe's minor units. Raises AmountNotPayable if it has more digits than Stripe's currency."""
    shift = _shift(money.currency)
    if shift >= 0:
        return int(money.amount * 10**shift)
    amount, rest = divmod(money.amount, 10**-shift)
    if rest:
        raise AmountNotPayable(f"{money.amount} {money.currency} has digits that Stripe cannot take")
    return int(amount)


def from_stripe(amount: int, currency: str) -> Money:
    """Money from Stripe's minor units and its lower-case currency. Raises ValueError for a fraction of a minor unit."""
    code = currency.upper()
    shift = _shift(code)
    if shift <= 0:
        return Money(amount=amount * 10**-shift, currency=code)
    whole, rest = divmod(amount, 10**shift)
    if rest:
        raise ValueError(f"{amount} {code} at Stripe is not a whole number of minor units")
    return Money(amount=whole, currency=code)


def _shift(currency: str) -> int:
    exponent = exponent_of(currency)
    return STRIPE_EXPONENTS.get(currency, exponent) - exponent
