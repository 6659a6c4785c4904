"""The cart in responses, for the routes that answer with it."""

from typing import Annotated, Any, Self
from uuid import UUID

from fastapi import Depends, Request
from pydantic import BaseModel, Field

from common.money import Money
from common.web.envelope import Envelope, ok
from common.web.fields import Count, Title
from orders.carts.domain import Cart, CartLine, CartWarning, Problem
from orders.carts.usecases import CartFiller, FilledCart

AvailableQuantity = Annotated[
    int | None, Field(description="how many can be ordered now; null if that is not known", examples=[12])
]

MESSAGES = {
    Problem.UNKNOWN_PRODUCT: "There is no such product",
    Problem.NOT_FOR_SALE: "{name} is not for sale",
    Problem.OUT_OF_STOCK: "{name} is out of stock",
    Problem.INSUFFICIENT_STOCK: "Only {left} of {name} are left",
    Problem.TOO_MANY: "At most {quantity} of one product can be ordered",
    Problem.INVALID_QUANTITY: "A quantity is at least 1",
    Problem.CART_FULL: "The cart is full",
    Problem.MIXED_CURRENCIES: "{name} has another currency than the cart",
    Problem.PRICE_UNAVAILABLE: "The price cannot be looked up right now",
}


async def _cart_filler(request: Request) -> CartFiller:
    carts: CartFiller = request.app.state.carts
    return carts


Carts = Annotated[CartFiller, Depends(_cart_filler)]


class CartItemView(BaseModel):
    """At the current price; both amounts are null if the product was deleted.

    `available`: the whole quantity can be ordered now.
    """

    id: UUID
    product_id: UUID
    title: Title
    quantity: Count
    unit_price: Money | None
    line_total: Money | None
    available: bool
    available_quantity: AvailableQuantity

    @classmethod
    def of(cls, line: CartLine, *, available: bool) -> Self:
        return cls(
            id=line.id,
            product_id=line.product_id,
            title=line.title,
            quantity=line.quantity,
            unit_price=line.unit_price,
            line_total=line.line_total,
            available=available,
            available_quantity=line.available_quantity,
        )


class CartView(BaseModel):
    """One per customer, with the customer's id. `subtotal` is the sum of the available items.

    `meta.warnings` lists what the cart could not have as it was asked for, and items that cannot be ordered as they
    are: `{product_id, code, message, requested, quantity, available_quantity}`, `quantity` being what the cart has.
    """

    id: UUID
    items: list[CartItemView]
    subtotal: Money
    item_count: Count

    @classmethod
    def of(cls, user_id: UUID, cart: Cart) -> Self:
        items = [CartItemView.of(line, available=cart.can_buy(line)) for line in cart.lines]
        return cls(id=user_id, items=items, subtotal=cart.subtotal, item_count=cart.item_count)


def cart_response(user_id: UUID, filled: FilledCart, message: str = "OK") -> Envelope[CartView]:
    return ok(CartView.of(user_id, filled.cart), message, {"warnings": [_warning(each) for each in filled.warnings]})


def _warning(warning: CartWarning) -> dict[str, Any]:
    return {
        "product_id": str(warning.product_id),
        "code": warning.problem,
        "message": MESSAGES[warning.problem].format(
            name=warning.title or "This product", left=warning.available_quantity, quantity=warning.quantity
        ),
        "requested": warning.requested,
        "quantity": warning.quantity,
        "available_quantity": warning.available_quantity,
    }
