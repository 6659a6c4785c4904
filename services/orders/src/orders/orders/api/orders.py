"""Reading orders, and the commands of customers and staff."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field

from common import clock
from common.openapi.errors import errors
from common.security.tokens import Identity
from common.web.days import Period
from common.web.dependencies import Begin, Caller, may
from common.web.envelope import Envelope, ok
from common.web.fields import Reason
from common.web.listing import ORDERING, SearchText
from common.web.pagination import Page, page_meta
from common.web.text import NFC
from orders.cart_response import Carts, CartView, cart_response
from orders.errors import IllegalTransition, OrderNotFound
from orders.orders.api.dependencies import Orders
from orders.orders.api.views import OrderView, StepView
from orders.orders.domain.saga import Status
from orders.orders.domain.signal import Shipment
from orders.orders.store.reads import SORTING, OrderFilter, find_order, list_orders, list_timeline
from orders.orders.usecases.command_order import Actor, cancel_order, deliver_order, ship_order

router = APIRouter(tags=["orders"])

Fulfiller = Annotated[Identity, may("orders.manage")]

READ_ERRORS = errors(OrderNotFound)
COMMAND_ERRORS = errors(OrderNotFound, IllegalTransition)


class CancelOrder(BaseModel):
    reason: Annotated[Reason, Field(max_length=500), NFC] = ""


class ShipOrder(BaseModel):
    carrier: Annotated[str, Field(max_length=100, examples=["Posta"]), NFC] | None = None
    tracking_number: Annotated[str, Field(max_length=100, examples=["EE123456785TZ"]), NFC] | None = None


async def _filter(
    *,
    caller: Caller,
    user_id: Annotated[UUID | None, Query(description="for staff; customers see their own orders")] = None,
    status: Status | None = None,
    period: Period,
    search: Annotated[
        SearchText | None, Query(description="part of the number, an item's title or the note", examples=["000042"])
    ] = None,
) -> OrderFilter:
    owner = user_id if caller.may("orders.manage") else caller.user_id
    return OrderFilter(owner, status, period.since, period.until, search or None)


Filter = Annotated[OrderFilter, Depends(_filter)]


@router.get("/orders", summary="List orders")
async def get_orders(
    request: Request,
    filter_: Filter,
    begin: Begin,
    page: Page,
    ordering: Annotated[str, SORTING, ORDERING] = "-created_at",
) -> Envelope[list[OrderView]]:
    async with begin() as tx:
        orders, total = await list_orders(tx, filter_, ordering, page)
    return ok([OrderView.of(order) for order in orders], meta=page_meta(request, page, total))


@router.get("/orders/{order_id}", summary="One order", responses=READ_ERRORS)
async def get_order(order_id: UUID, caller: Caller, begin: Begin) -> Envelope[OrderView]:
    async with begin() as tx:
        order = await find_order(tx, order_id, _owner(caller))
    return ok(OrderView.of(order))


@router.get("/orders/{order_id}/timeline", summary="The timeline of an order", responses=READ_ERRORS)
async def get_timeline(order_id: UUID, caller: Caller, begin: Begin) -> Envelope[list[StepView]]:
    """Every step with its time and cause, and the events that had no effect."""
    async with begin() as tx:
        await find_order(tx, order_id, _owner(caller))
        steps = await list_timeline(tx, order_id)
    return ok([StepView.of(step) for step in steps])


@router.post("/orders/{order_id}/reorder", summary="Put the items of an order into the cart", responses=READ_ERRORS)
async def post_reorder(order_id: UUID, caller: Caller, begin: Begin, carts: Carts) -> Envelope[CartView]:
    """For the customer of the order, in any status, as often as they like: repeating it changes nothing.

    The cart then has at least the quantities of the order, as far as there is stock, at current prices;
    `meta.warnings` says what is left out, and why.
    """
    async with begin() as tx:
        order = await find_order(tx, order_id, caller.user_id)
    wishes = {UUID(line["product_id"]): line["quantity"] for line in order.lines}
    filled = await carts.restore(caller.user_id, wishes, awaits_release=order.may_hold_stock(clock.now()))
    return cart_response(caller.user_id, filled, "The items are in the cart")


@router.post("/orders/{order_id}/cancel", summary="Cancel an order", responses=COMMAND_ERRORS)
async def post_cancel(
    order_id: UUID, caller: Caller, begin: Begin, orders: Orders, body: CancelOrder | None = None
) -> Envelope[OrderView]:
    """Customers until the order is paid, staff until it is shipped; a payment is refunded."""
    async with begin() as tx:
        await cancel_order(tx, order_id, Actor.of(caller), body.reason if body else "", orders.deadlines)
        order = await find_order(tx, order_id, None)
    return ok(OrderView.of(order), "Order cancelled")


@router.post("/orders/{order_id}/ship", summary="Ship an order", responses=COMMAND_ERRORS)
async def post_ship(
    order_id: UUID, caller: Fulfiller, begin: Begin, orders: Orders, body: ShipOrder | None = None
) -> Envelope[OrderView]:
    shipment = Shipment(body.carrier, body.tracking_number) if body else Shipment()
    async with begin() as tx:
        await ship_order(tx, order_id, Actor.of(caller), shipment, orders.deadlines)
        order = await find_order(tx, order_id, None)
    return ok(OrderView.of(order), "Order shipped")


@router.post("/orders/{order_id}/deliver", summary="Mark an order as delivered", responses=COMMAND_ERRORS)
async def post_deliver(order_id: UUID, caller: Fulfiller, begin: Begin, orders: Orders) -> Envelope[OrderView]:
    async with begin() as tx:
        await deliver_order(tx, order_id, Actor.of(caller), orders.deadlines)
        order = await find_order(tx, order_id, None)
    return ok(OrderView.of(order), "Order delivered")


def _owner(caller: Identity) -> UUID | None:
    """The customer whose orders the caller may see; None for all customers."""
    return None if caller.may("orders.manage") else caller.user_id
