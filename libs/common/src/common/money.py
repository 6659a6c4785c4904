"""Money as integer minor units with a currency; never a float.

An amount has the decimals of ISO 4217. A payment provider may count otherwise: its adapter converts.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$", description="ISO 4217 code", examples=["TZS"])]

DEFAULT_EXPONENT = 2
EXPONENTS = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND"), 0),
    **dict.fromkeys(("VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}
"""The currencies of ISO 4217 that do not have two decimals."""


def exponent_of(currency: str) -> int:
    """The number of decimals of a currency: a major unit has 10 to this power minor units."""
    return EXPONENTS.get(currency, DEFAULT_EXPONENT)


class Money(BaseModel):
    """An amount in minor units (TZS 1,000.00 is 100000) and its ISO 4217 currency."""

    model_config = ConfigDict(frozen=True)

    amount: Annotated[int, Field(description="minor units", examples=[250000])]
    currency: Currency

    @classmethod
    def zero(cls, currency: str) -> Money:
        return cls(amount=0, currency=currency)

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
