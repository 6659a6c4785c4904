"""/cart: the caller's cart."""

from dataclasses import dataclass
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from common.money import Money
from common.openapi.errors import errors
from common.persistence.transaction import Transaction
from common.web.dependencies import Begin, Caller
from common.web.envelope import Envelope, ok
from common.web.fields import Count, Title
from orders.carts.domain import Cart
from orders.carts.store import clear_cart, find_cart, remove_item, set_quantity
from orders.carts.usecases import add_to_cart, merge_into_cart
from orders.errors import (
    CartFull,
    CartItemNotFound,
    NotForSale,
    PriceUnavailable,
    QuantityTooLarge,
    UnknownProducts,
)
from orders.fields import Item, Quantity
from orders.prices.domain import MAX_LINES
from orders.prices.usecases import FetchMissingPrices

router = APIRouter(tags=["cart"])


@dataclass(frozen=True, slots=True)
class CartDependencies:
    """`currency` is that of an empty cart."""

    fetch_missing_prices: FetchMissingPrices
    currency: str


async def _dependencies(request: Request) -> CartDependencies:
    carts: CartDependencies = request.app.state.carts
    return carts


Carts = Annotated[CartDependencies, Depends(_dependencies)]


class ChangeItem(BaseModel):
    quantity: Quantity


class MergeCart(BaseModel):
    items: Annotated[list[Item], Field(max_length=MAX_LINES)]


class CartItemView(BaseModel):
    """At the current price; both amounts are null if the product was deleted."""

    id: UUID
    product_id: UUID
    title: Title
    quantity: Count
    unit_price: Money | None
    line_total: Money | None
    available: bool


class CartView(BaseModel):
    """One per customer, with the customer's id. `subtotal` is the sum of the available items."""

    id: UUID
    items: list[CartItemView]
    subtotal: Money
    item_count: Count

    @classmethod
    def of(cls, user_id: UUID, cart: Cart) -> Self:
        items = [
            CartItemView(
                id=line.id,
                product_id=line.product_id,
                title=line.title,
                quantity=line.quantity,
                unit_price=line.unit_price,
                line_total=line.line_total,
                available=cart.can_buy(line),
            )
            for line in cart.lines
        ]
        return cls(id=user_id, items=items, subtotal=cart.subtotal, item_count=cart.item_count)


@router.get("/cart", summary="The caller's cart")
async def get_cart(caller: Caller, begin: Begin, carts: Carts) -> Envelope[CartView]:
    async with begin() as tx:
        return await _view(tx, caller.user_id, carts)


@router.delete("/cart", summary="Empty the cart")
async def delete_cart(caller: Caller, begin: Begin, carts: Carts) -> Envelope[CartView]:
    async with begin() as tx:
        await clear_cart(tx, caller.user_id)
        return await _view(tx, caller.user_id, carts)


@router.post(
    "/cart/items",
    status_code=201,
    summary="Add an item to the cart",
    responses=errors(CartFull, QuantityTooLarge, NotForSale, UnknownProducts, PriceUnavailable),
)
async def post_item(body: Item, caller: Caller, begin: Begin, carts: Carts) -> Envelope[CartView]:
    """Adds to the quantity of the product in the cart."""
    await carts.fetch_missing_prices([body.product_id])
    async with begin() as tx:
        await add_to_cart(tx, caller.user_id, body.product_id, body.quantity)
        return await _view(tx, caller.user_id, carts)


@router.patch("/cart/items/{item_id}", summary="Change a quantity in the cart", responses=errors(CartItemNotFound))
async def patch_item(item_id: UUID, body: ChangeItem, caller: Caller, begin: Begin, carts: Carts) -> Envelope[CartView]:
    async with begin() as tx:
        await set_quantity(tx, caller.user_id, item_id, body.quantity)
        return await _view(tx, caller.user_id, carts)


@router.delete("/cart/items/{item_id}", summary="Remove an item from the cart", responses=errors(CartItemNotFound))
async def delete_item(item_id: UUID, caller: Caller, begin: Begin, carts: Carts) -> Envelope[CartView]:
    async with begin() as tx:
        await remove_item(tx, caller.user_id, item_id)
        return await _view(tx, caller.user_id, carts)


@router.post("/cart/merge", summary="Merge a guest's cart", responses=errors(PriceUnavailable))
async def post_merge(body: MergeCart, caller: Caller, begin: Begin, carts: Carts) -> Envelope[CartView]:
    """Adds a guest's items; items that are not for sale or do not fit are left out."""
    items = [(item.product_id, item.quantity) for item in body.items]
    await carts.fetch_missing_prices([product_id for product_id, _ in items])
    async with begin() as tx:
        await merge_into_cart(tx, caller.user_id, items)
        return await _view(tx, caller.user_id, carts)


async def _view(tx: Transaction, user_id: UUID, carts: CartDependencies) -> Envelope[CartView]:
    return ok(CartView.of(user_id, await find_cart(tx, user_id, carts.currency)))
