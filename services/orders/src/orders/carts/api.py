"""/cart: the caller's cart."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from common.openapi.errors import errors
from common.web.dependencies import Begin, Caller
from common.web.envelope import Envelope
from common.web.fields import WHOLE
from orders.cart_response import Carts, CartView, cart_response
from orders.carts.store import clear_cart, remove_item
from orders.errors import CartFull, CartItemNotFound, NotForSale, OutOfStock, PriceUnavailable, UnknownProducts

router = APIRouter(tags=["cart"])

MAX_MERGED_ITEMS = 200
"""More than a cart holds: what does not fit is left out, not rejected."""

# Without an upper limit: the cart takes what there is, and says so.
Wish = Annotated[int, Field(ge=1, examples=[2]), WHOLE]


class AddItem(BaseModel):
    product_id: UUID
    quantity: Wish


class ChangeItem(BaseModel):
    quantity: Wish


class MergeItem(BaseModel):
    """A quantity below 1 is left out."""

    product_id: UUID
    quantity: Annotated[int, Field(examples=[2]), WHOLE]


class MergeCart(BaseModel):
    items: Annotated[list[MergeItem], Field(max_length=MAX_MERGED_ITEMS)]


@router.get("/cart", summary="The caller's cart")
async def get_cart(caller: Caller, carts: Carts) -> Envelope[CartView]:
    return cart_response(caller.user_id, await carts.read(caller.user_id))


@router.delete("/cart", summary="Empty the cart")
async def delete_cart(caller: Caller, begin: Begin, carts: Carts) -> Envelope[CartView]:
    async with begin() as tx:
        await clear_cart(tx, caller.user_id)
    return cart_response(caller.user_id, await carts.read(caller.user_id))


@router.post(
    "/cart/items",
    status_code=201,
    summary="Add an item to the cart",
    responses=errors(CartFull, OutOfStock, NotForSale, UnknownProducts, PriceUnavailable),
)
async def post_item(body: AddItem, caller: Caller, carts: Carts) -> Envelope[CartView]:
    """Adds to the quantity of the product in the cart, as far as there is stock: see `meta.warnings`."""
    return cart_response(caller.user_id, await carts.add(caller.user_id, body.product_id, body.quantity))


@router.patch(
    "/cart/items/{item_id}",
    summary="Change a quantity in the cart",
    responses=errors(CartItemNotFound, OutOfStock, NotForSale),
)
async def patch_item(item_id: UUID, body: ChangeItem, caller: Caller, carts: Carts) -> Envelope[CartView]:
    """Sets the quantity, as far as there is stock: see `meta.warnings`."""
    return cart_response(caller.user_id, await carts.change(caller.user_id, item_id, body.quantity))


@router.delete("/cart/items/{item_id}", summary="Remove an item from the cart", responses=errors(CartItemNotFound))
async def delete_item(item_id: UUID, caller: Caller, begin: Begin, carts: Carts) -> Envelope[CartView]:
    async with begin() as tx:
        await remove_item(tx, caller.user_id, item_id)
    return cart_response(caller.user_id, await carts.read(caller.user_id))


@router.post("/cart/merge", summary="Merge a guest's cart")
async def post_merge(body: MergeCart, caller: Caller, carts: Carts) -> Envelope[CartView]:
    """Adds a guest's items as far as there is stock; `meta.warnings` says what is left out, and why."""
    wishes: dict[UUID, int] = {}
    for item in body.items:
        wishes[item.product_id] = wishes.get(item.product_id, 0) + item.quantity
    return cart_response(caller.user_id, await carts.merge(caller.user_id, wishes))
