"""The cart."""

from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from common.money import Money
from common.persistence.transaction import Transaction
from common.web.dependencies import Begin, Caller
from common.web.envelope import Envelope, ok
from orders.api import refused
from orders.api.checkout import Item, Quantity
from orders.api.shop import Shop, TheShop
from orders.domain.cart import Cart
from orders.domain.lines import MAX_LINES
from orders.queries import cart_of
from orders.usecases.change_cart import clear_cart, remove_from_cart, set_quantity
from orders.usecases.fill_cart import add_to_cart, merge_into_cart

router = APIRouter(tags=["cart"])


class ChangeItem(BaseModel):
    quantity: Quantity


class MergeCart(BaseModel):
    items: Annotated[list[Item], Field(max_length=MAX_LINES)]


class CartItemView(BaseModel):
    """At today's price; both amounts are null when the product has left the shop."""

    id: UUID
    product_id: UUID
    title: str
    quantity: int
    unit_price: Money | None
    line_total: Money | None
    available: bool


class CartView(BaseModel):
    """One per customer, under the customer's id. `subtotal` sums up what is available."""

    id: UUID
    items: list[CartItemView]
    subtotal: Money
    item_count: int

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
async def get_cart(caller: Caller, begin: Begin, shop: TheShop) -> Envelope[CartView]:
    async with begin() as tx:
        return await _cart(tx, caller.user_id, shop)


@router.delete("/cart", summary="Empty the cart")
async def delete_cart(caller: Caller, begin: Begin, shop: TheShop) -> Envelope[CartView]:
    """Empty it."""
    async with begin() as tx:
        await clear_cart(tx, caller.user_id)
        return await _cart(tx, caller.user_id, shop)


@router.post("/cart/items", status_code=201, summary="Put something into the cart", responses=refused.FILLING)
async def post_item(body: Item, caller: Caller, begin: Begin, shop: TheShop) -> Envelope[CartView]:
    """Add to what the cart holds of the product."""

    async def add() -> Envelope[CartView]:
        async with begin() as tx:
            await add_to_cart(tx, caller.user_id, body.product_id, body.quantity)
            return await _cart(tx, caller.user_id, shop)

    return await shop.knowing_prices(begin, add)


@router.patch("/cart/items/{item_id}", summary="Change a quantity in the cart", responses=refused.CHANGING_ITEM)
async def patch_item(
    item_id: UUID, body: ChangeItem, caller: Caller, begin: Begin, shop: TheShop
) -> Envelope[CartView]:
    async with begin() as tx:
        await set_quantity(tx, caller.user_id, item_id, body.quantity)
        return await _cart(tx, caller.user_id, shop)


@router.delete("/cart/items/{item_id}", summary="Take something out of the cart", responses=refused.CHANGING_ITEM)
async def delete_item(item_id: UUID, caller: Caller, begin: Begin, shop: TheShop) -> Envelope[CartView]:
    async with begin() as tx:
        await remove_from_cart(tx, caller.user_id, item_id)
        return await _cart(tx, caller.user_id, shop)


@router.post("/cart/merge", summary="Merge a guest's cart")
async def post_merge(body: MergeCart, caller: Caller, begin: Begin, shop: TheShop) -> Envelope[CartView]:
    """Take over what a guest had collected; what cannot be sold or does not fit is left out."""
    items = [(item.product_id, item.quantity) for item in body.items]
    await shop.ask(begin, [product_id for product_id, _ in items])
    async with begin() as tx:
        await merge_into_cart(tx, caller.user_id, items)
        return await _cart(tx, caller.user_id, shop)


async def _cart(tx: Transaction, user_id: UUID, shop: Shop) -> Envelope[CartView]:
    return ok(CartView.of(user_id, await cart_of(tx, user_id, shop.currency)))
