"""A cart at current prices."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from common.money import Money


@dataclass(frozen=True, slots=True)
class CartLine:
    """`unit_price` is None if the product was deleted."""

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
    """Its currency is that of the first line that can be bought, otherwise the default currency."""

    lines: Sequence[CartLine]
    default_currency: str

    @property
    def currency(self) -> str:
        prices = (line.unit_price for line in self.lines if line.is_active)
        return next((price.currency for price in prices if price), self.default_currency)

    def can_buy(self, line: CartLine) -> bool:
        return line.is_active and line.unit_price is not None and line.unit_price.currency == self.currency

    @property
    def subtotal(self) -> Money:
        """The sum of the lines that can be bought."""
        totals = [line.line_total for line in self.lines if self.can_buy(line)]
        return sum((total for total in totals if total), start=Money.zero(self.currency))

    @property
    def item_count(self) -> int:
        return sum(line.quantity for line in self.lines)
