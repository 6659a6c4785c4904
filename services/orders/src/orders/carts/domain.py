"""A cart at current prices, limited by stock, and what it says about quantities that it cannot have."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from uuid import UUID

from common.money import Money
from orders.prices.domain import MAX_LINES, MAX_QUANTITY, Price


@dataclass(frozen=True, slots=True)
class CartLine:
    """`unit_price` is None if the product was deleted, `stock` (units that can be sold) if it is not known."""

    id: UUID
    product_id: UUID
    title: str
    quantity: int
    unit_price: Money | None
    on_sale: bool
    stock: int | None = None

    @property
    def line_total(self) -> Money | None:
        return self.unit_price * self.quantity if self.unit_price else None

    @property
    def available_quantity(self) -> int | None:
        """How many of it can be ordered; None if the stock is not known."""
        return 0 if not self.on_sale or self.unit_price is None else self.stock

    @property
    def is_short(self) -> bool:
        return self.available_quantity is not None and self.available_quantity < self.quantity


@dataclass(frozen=True, slots=True)
class Cart:
    """Its currency is that of the first line that is on sale, otherwise the default currency."""

    lines: Sequence[CartLine]
    default_currency: str

    @property
    def currency(self) -> str:
        prices = (line.unit_price for line in self.lines if line.on_sale)
        return next((price.currency for price in prices if price), self.default_currency)

    def can_buy(self, line: CartLine) -> bool:
        has_price = line.unit_price is not None and line.unit_price.currency == self.currency
        return line.on_sale and has_price and not line.is_short

    @property
    def subtotal(self) -> Money:
        """The sum of the lines that can be bought."""
        totals = [line.line_total for line in self.lines if self.can_buy(line)]
        return sum((total for total in totals if total), start=Money.zero(self.currency))

    @property
    def item_count(self) -> int:
        return sum(line.quantity for line in self.lines)

    @property
    def of_unknown_stock(self) -> list[UUID]:
        """The products on sale whose stock is not known."""
        return [line.product_id for line in self.lines if line.on_sale and line.stock is None]

    def with_stock(self, levels: Mapping[UUID, int]) -> "Cart":
        lines = [replace(line, stock=levels.get(line.product_id, line.stock)) for line in self.lines]
        return replace(self, lines=lines)

    @property
    def warnings(self) -> list["CartWarning"]:
        """One per line that cannot be bought as it is."""
        found = ((line, self._problem(line)) for line in self.lines)
        return [
            CartWarning(line.product_id, problem, line.title, line.quantity, line.quantity, line.available_quantity)
            for line, problem in found
            if problem is not None
        ]

    def _problem(self, line: CartLine) -> "Problem | None":
        if self.can_buy(line):
            return None
        if not line.on_sale or line.unit_price is None:
            return Problem.NOT_FOR_SALE
        if line.is_short:
            return Problem.INSUFFICIENT_STOCK if line.stock else Problem.OUT_OF_STOCK
        return Problem.MIXED_CURRENCIES


class Problem(StrEnum):
    """Why a cart has less of a product than was asked for, or a line that cannot be bought."""

    UNKNOWN_PRODUCT = "unknown_product"
    NOT_FOR_SALE = "not_for_sale"
    OUT_OF_STOCK = "out_of_stock"
    INSUFFICIENT_STOCK = "insufficient_stock"
    TOO_MANY = "too_many"
    INVALID_QUANTITY = "invalid_quantity"
    CART_FULL = "cart_full"
    MIXED_CURRENCIES = "mixed_currencies"
    PRICE_UNAVAILABLE = "price_unavailable"


@dataclass(frozen=True, slots=True)
class CartWarning:
    """`requested` units of a product were asked for in all, and the cart has `quantity` of them.

    `available_quantity` is how many can be ordered, None if that is not known.
    """

    product_id: UUID
    problem: Problem
    title: str
    requested: int
    quantity: int
    available_quantity: int | None = None


Combine = Callable[[int, int], int]
"""The quantity that is wished for, from what the cart has and what the request names."""


def fill(
    before: Mapping[UUID, int],
    wishes: Mapping[UUID, int],
    combine: Combine,
    prices: Mapping[UUID, Price],
    levels: Mapping[UUID, int],
) -> tuple[dict[UUID, int], list[CartWarning]]:
    """The quantities to save, and a warning for each wish that is not fulfilled whole.

    A wish for a product of which nothing can be had leaves the cart as it is.
    """
    changed: dict[UUID, int] = {}
    warnings: list[CartWarning] = []
    lines = len(before)
    for product_id, quantity in wishes.items():
        had = before.get(product_id, 0)
        wished = combine(had, quantity)
        price = prices.get(product_id)
        level = levels.get(product_id)
        granted, problem = _grant(quantity, wished, price, level, has_room=had > 0 or lines < MAX_LINES)
        if granted:
            lines += not had
            changed[product_id] = granted
        if problem is not None:
            title = price.title if price else ""
            left = 0 if problem is Problem.NOT_FOR_SALE else level
            warnings.append(CartWarning(product_id, problem, title, wished, granted or had, left))
    return {product_id: n for product_id, n in changed.items() if n != before.get(product_id)}, warnings


def _grant(
    quantity: int, wished: int, price: Price | None, level: int | None, *, has_room: bool
) -> tuple[int, Problem | None]:
    """How many units the cart can have, and why not all that are wished for."""
    if (obstacle := _obstacle(quantity, price, has_room=has_room)) is not None:
        return 0, obstacle
    if level is not None and level < min(wished, MAX_QUANTITY):
        return level, Problem.INSUFFICIENT_STOCK if level else Problem.OUT_OF_STOCK
    return min(wished, MAX_QUANTITY), Problem.TOO_MANY if wished > MAX_QUANTITY else None


def _obstacle(quantity: int, price: Price | None, *, has_room: bool) -> Problem | None:
    """Why the cart can have nothing of a product, whatever its stock."""
    if quantity < 1:
        return Problem.INVALID_QUANTITY
    if price is None:
        return Problem.UNKNOWN_PRODUCT
    if not price.on_sale:
        return Problem.NOT_FOR_SALE
    return None if has_room else Problem.CART_FULL
