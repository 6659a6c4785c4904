"""Money as people read it."""

from common.money import Money

# ISO 4217 currencies whose minor unit is not a hundredth, as far as shops here may meet them.
EXPONENTS = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "XAF", "XOF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}


def spoken(money: Money) -> str:
    """`TZS 2,500.00`: the currency, thousands grouped, as many decimals as the currency has."""
    return amount_spoken(money.amount, money.currency)


def amount_spoken(amount: int, currency: str) -> str:
    exponent = EXPONENTS.get(currency, 2)
    whole, rest = divmod(abs(amount), 10**exponent)
    sign = "-" if amount < 0 else ""
    decimals = f".{rest:0{exponent}d}" if exponent else ""
    return f"{currency} {sign}{whole:,}{decimals}"
