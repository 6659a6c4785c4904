"""From what a customer wants to lines with frozen prices."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from common.contracts.orders import OrderLine
from common.errors import Invalid
from common.money import Money

MAX_LINES = 100
MAX_QUANTITY = 1000


@dataclass(frozen=True, slots=True)
class Wanted:
    """So many of a product; `place` is where the input first names it: `items.0.`, or nothing for its top level."""

    product_id: UUID
    quantity: int
    place: str = ""

    @property
    def field(self) -> str:
        return f"{self.place}product_id"


@dataclass(frozen=True, slots=True)
class Price:
    """A product as the replica knows it; one that left the shop has no price."""

    product_id: UUID
    title: str
    unit_price: Money | None
    is_active: bool


class UnknownProducts(Invalid):
    """Products that the replica does not know: worth asking catalog once."""

    code = "orders.unknown_product"

    def __init__(self, product_ids: Sequence[UUID], field: str) -> None:
        super().__init__(f"There is no product {product_ids[0]}", field=field)
        self.product_ids = tuple(product_ids)


def merge(wanted: Iterable[tuple[UUID, int]]) -> list[Wanted]:
    """One entry per product, in the order first named. Invalid when nothing is wanted or too much of one product."""
    merged: dict[UUID, Wanted] = {}
    for position, (product_id, quantity) in enumerate(wanted):
        first = merged.get(product_id, Wanted(product_id, 0, f"items.{position}."))
        merged[product_id] = Wanted(product_id, first.quantity + quantity, first.place)
    if not merged:
        raise Invalid("An order needs at least one item", code="orders.empty_order", field="items")
    for want in merged.values():
        if want.quantity > MAX_QUANTITY:
            raise too_many(want)
    return list(merged.values())


def price(wanted: Sequence[Wanted], prices: Mapping[UUID, Price]) -> tuple[OrderLine, ...]:
    """Lines at today's prices.

    Raises UnknownProducts, or Invalid naming the item, when one is not for sale or in another currency than the first.
    """
    unknown = [want for want in wanted if want.product_id not in prices]
    if unknown:
        raise UnknownProducts([want.product_id for want in unknown], unknown[0].field)
    lines = tuple(_line(want, prices[want.product_id]) for want in wanted)
    for want, line in zip(wanted, lines, strict=True):
        if line.unit_price.currency != lines[0].unit_price.currency:
            raise Invalid("An order has one currency", code="orders.mixed_currencies", field=want.field)
    return lines


def too_many(want: Wanted) -> Invalid:
    return Invalid(f"At most {MAX_QUANTITY} of one product", code="orders.too_many", field=f"{want.place}quantity")


def total_of(lines: Sequence[OrderLine]) -> Money:
    total = Money.zero(lines[0].unit_price.currency)
    for line in lines:
        total += line.unit_price * line.quantity
    return total


def _line(want: Wanted, known: Price) -> OrderLine:
    if known.unit_price is None or not known.is_active:
        raise Invalid(f"{known.title or 'A product'} is not for sale", code="orders.not_for_sale", field=want.field)
    return OrderLine(product_id=want.product_id, title=known.title, quantity=want.quantity, unit_price=known.unit_price)
