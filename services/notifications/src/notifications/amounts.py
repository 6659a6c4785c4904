"""Money as text."""

from common.money import Money, exponent_of


def format_money(money: Money) -> str:
    return format_amount(money.amount, money.currency)


def format_amount(amount: int, currency: str) -> str:
    """Minor units as `TZS 2,500.00`: the currency, grouped thousands, and as many decimals as the currency has."""
    exponent = exponent_of(currency)
    whole, rest = divmod(abs(amount), 10**exponent)
    sign = "-" if amount < 0 else ""
    decimals = f".{rest:0{exponent}d}" if exponent else ""
    return f"{currency} {sign}{whole:,}{decimals}"
