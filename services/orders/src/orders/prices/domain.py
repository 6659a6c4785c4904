"""From requested items to order lines at the prices of today."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from common.contracts.orders import OrderLine
from common.money import Money
from orders.errors import EmptyOrder, MixedCurrencies, NotForSale, QuantityTooLarge, UnknownProducts

MAX_LINES = 100
MAX_QUANTITY = 1000


@dataclass(frozen=True, slots=True)
class Price:
    """A product as the replica has it; a deleted product has no price. `list_price` is before the discount."""

    product_id: UUID
    title: str
    unit_price: Money | None
    is_active: bool
    list_price: Money | None = None
    category_id: UUID | None = None
    category_on_sale: bool = True

    @property
    def on_sale(self) -> bool:
        return self.is_active and self.category_on_sale and self.unit_price is not None


@dataclass(frozen=True, slots=True)
class RequestedItem:
    """A quantity of a product. `path` leads to its fields in the request body: `items.0.`, or empty at the top."""

    product_id: UUID
    quantity: int
    path: str = ""

    @property
    def field(self) -> str:
        return f"{self.path}product_id"


def merge_items(items: Iterable[tuple[UUID, int]]) -> list[RequestedItem]:
    """One item per product, in order of first appearance. Raises EmptyOrder or QuantityTooLarge."""
    merged: dict[UUID, RequestedItem] = {}
    for position, (product_id, quantity) in enumerate(items):
        first = merged.get(product_id, RequestedItem(product_id, 0, f"items.{position}."))
        merged[product_id] = RequestedItem(product_id, first.quantity + quantity, first.path)
    if not merged:
        raise EmptyOrder
    for item in merged.values():
        check_quantity(item)
    return list(merged.values())


def check_quantity(item: RequestedItem) -> None:
    """Raises QuantityTooLarge."""
    if item.quantity > MAX_QUANTITY:
        raise QuantityTooLarge(f"At most {MAX_QUANTITY} of one product", field=f"{item.path}quantity")


def price_items(items: Sequence[RequestedItem], prices: Mapping[UUID, Price]) -> tuple[OrderLine, ...]:
    """Order lines at these prices. Raises UnknownProducts, NotForSale or MixedCurrencies."""
    unknown = [item for item in items if item.product_id not in prices]
    if unknown:
        raise UnknownProducts([item.product_id for item in unknown], unknown[0].field)
    lines = tuple(_line(item, prices[item.product_id]) for item in items)
    for item, line in zip(items, lines, strict=True):
        if line.unit_price.currency != lines[0].unit_price.currency:
            raise MixedCurrencies(field=item.field)
    return lines


def total_of(lines: Sequence[OrderLine]) -> Money:
    total = Money.zero(lines[0].unit_price.currency)
    for line in lines:
        total += line.unit_price * line.quantity
    return total


def subtotal_of(lines: Sequence[OrderLine]) -> Money:
    """The total before discounts."""
    subtotal = Money.zero(lines[0].unit_price.currency)
    for line in lines:
        subtotal += (line.list_price or line.unit_price) * line.quantity
    return subtotal


def _line(item: RequestedItem, price: Price) -> OrderLine:
    if price.unit_price is None or not price.on_sale:
        raise NotForSale(f"{price.title or 'A product'} is not for sale", field=item.field)
    return OrderLine(
        product_id=item.product_id,
        title=price.title,
        quantity=item.quantity,
        unit_price=price.unit_price,
        list_price=price.list_price if price.list_price != price.unit_price else None,
    )
