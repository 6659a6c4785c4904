"""A cart at today's prices."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from common.money import Money


@dataclass(frozen=True, slots=True)
class CartLine:
    """`unit_price` is None when the product has left the shop."""

    id: UUID
    product_id: UUID
    title: str
    quantity: int
    unit_price: Money | None
    is_active: bool

    @property
    def line_total(self) -> Money | None:
        return self.unit_price * self.quantity if self.unit_price else None


@dataclass(frozen=True, slots=True)
class Cart:
    """One per customer. Its currency is that of its first line that can be bought, else the shop's."""

    lines: Sequence[CartLine]
    shop_currency: str

    @property
    def currency(self) -> str:
        prices = (line.unit_price for line in self.lines if line.is_active)
        return next((price.currency for price in prices if price), self.shop_currency)

    def can_buy(self, line: CartLine) -> bool:
        return line.is_active and line.unit_price is not None and line.unit_price.currency == self.currency

    @property
    def subtotal(self) -> Money:
        """The sum of what can be bought."""
        totals = [line.line_total for line in self.lines if self.can_buy(line)]
        return sum((total for total in totals if total), start=Money.zero(self.currency))

    @property
    def item_count(self) -> int:
        return sum(line.quantity for line in self.lines)
