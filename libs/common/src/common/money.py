"""Money as integer minor units with a currency; never a float.

An amount has the decimals of ISO 4217. A payment provider may count otherwise: its adapter converts.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

TWO_DECIMALS = """
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW
CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF
IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK
MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP
SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG
YER ZAR ZMW ZWG
"""
DEFAULT_EXPONENT = 2
EXPONENTS = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND"), 0),
    **dict.fromkeys(("VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(TWO_DECIMALS.split(), 2),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}
"""The currencies of ISO 4217 (2026-01-01) and their decimals, without metals and test codes, which have none."""


def is_currency(code: str) -> bool:
    """Whether it is the code of a currency that ISO 4217 lists, in capitals."""
    return code in EXPONENTS


def exponent_of(currency: str) -> int:
    """The number of decimals of a currency: a major unit has 10 to this power minor units.

    2 for a code that ISO 4217 does not list (any more): stored amounts outlive their currency.
    """
    return EXPONENTS.get(currency, DEFAULT_EXPONENT)


def _listed(code: str) -> str:
    if not is_currency(code):
        raise PydanticCustomError(
            "unknown_currency", "{given} is not a currency of ISO 4217", {"given": ascii(code[:20])[1:-1]}
        )
    return code


PATTERN = r"^[A-Z]{3}$"

StoredCurrency = Annotated[str, Field(pattern=PATTERN, description="ISO 4217 code", examples=["TZS"])]
"""As it is stored and published; it was checked when it came in."""

Currency = Annotated[
    str,
    AfterValidator(_listed),
    Field(description="ISO 4217 code", examples=["TZS"], json_schema_extra={"pattern": PATTERN}),
]
"""As it comes in, by a request or a setting."""


class Money(BaseModel):
    """An amount in minor units (TZS 1,000.00 is 100000) and its ISO 4217 currency."""

    model_config = ConfigDict(frozen=True)

    amount: Annotated[int, Field(description="minor units", examples=[250000])]
    currency: StoredCurrency

    @classmethod
    def zero(cls, currency: str) -> Money:
        return cls(amount=0, currency=currency)

    @classmethod
    def from_major(cls, major: Decimal | int, currency: str) -> Money:
        """A number of major units, exactly. Raises ValueError if it has more decimals than the currency."""
        minor = Decimal(major).scaleb(exponent_of(currency))
        if minor != minor.to_integral_value():
            raise ValueError(f"{currency} has {exponent_of(currency)} decimals: {major}")
        return cls(amount=int(minor), currency=currency)

    def __add__(self, other: Money) -> Money:
        return Money(amount=self.amount + self._same(other), currency=self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(amount=self.amount - self._same(other), currency=self.currency)

    def __mul__(self, times: int) -> Money:
        return Money(amount=self.amount * times, currency=self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.amount < self._same(other)

    def discounted(self, percent: int) -> Money:
        """Less `percent` (0 to 100), rounded half up to a whole minor unit."""
        return Money(amount=(self.amount * (100 - percent) + 50) // 100, currency=self.currency)

    def _same(self, other: Any) -> int:
        if not isinstance(other, Money):
            raise TypeError(f"Money cannot be combined with {type(other).__name__}")
        if other.currency != self.currency:
            raise ValueError(f"cannot mix {self.currency} and {other.currency}")
        return other.amount


def format_money(money: Money) -> str:
    return format_amount(money.amount, money.currency)


def format_amount(amount: int, currency: str) -> str:
    """Minor units as `TZS 2,500.00`: the currency, grouped thousands, and as many decimals as the currency has."""
    exponent = exponent_of(currency)
    whole, rest = divmod(abs(amount), 10**exponent)
    sign = "-" if amount < 0 else ""
    decimals = f".{rest:0{exponent}d}" if exponent else ""
    return f"{currency} {sign}{whole:,}{decimals}"
