"""Money as text."""

from common.money import Money

# ISO 4217 currencies whose minor unit is not a hundredth, as far as they are likely here.
EXPONENTS = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "XAF", "XOF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}


def format_money(money: Money) -> str:
    return format_amount(money.amount, money.currency)


def format_amount(amount: int, currency: str) -> str:
    """Minor units as `TZS 2,500.00`: the currency, grouped thousands, and as many decimals as the currency has."""
    exponent = EXPONENTS.get(currency, 2)
    whole, rest = divmod(abs(amount), 10**exponent)
    sign = "-" if amount < 0 else ""
    decimals = f".{rest:0{exponent}d}" if exponent else ""
    return f"{currency} {sign}{whole:,}{decimals}"
