"""Orders after the checkout: reading them, and what customers and staff may do to them."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field

from common.security.tokens import Identity
from common.web.dependencies import Begin, Caller, may
from common.web.envelope import Envelope, ok
from common.web.fields import Instant
from common.web.pagination import Page, page_meta
from orders.api import refused
from orders.api.shop import TheShop
from orders.api.views import OrderView, StepView
from orders.domain.order import Shipment
from orders.domain.saga import Status
from orders.queries import OrderFilter, find_order, list_orders, timeline_of
from orders.usecases.cancel_order import cancel_order
from orders.usecases.command_order import Actor
from orders.usecases.deliver_order import deliver_order
from orders.usecases.ship_order import ship_order

router = APIRouter(tags=["orders"])

Fulfiller = Annotated[Identity, may("orders.manage")]


class CancelOrder(BaseModel):
    reason: Annotated[str, Field(max_length=500)] = ""


class ShipOrder(BaseModel):
    carrier: Annotated[str, Field(max_length=100)] | None = None
    tracking_number: Annotated[str, Field(max_length=100)] | None = None


async def _filter(
    caller: Caller,
    user_id: Annotated[UUID | None, Query(description="for staff; customers see their own")] = None,
    status: Status | None = None,
    since: Annotated[Instant | None, Query(alias="from")] = None,
    until: Annotated[Instant | None, Query(alias="to", description="exclusive")] = None,
) -> OrderFilter:
    return OrderFilter(user_id if caller.may("orders.manage") else caller.user_id, status, since, until)


Wanted = Annotated[OrderFilter, Depends(_filter)]


@router.get("/orders", summary="List orders")
async def get_orders(request: Request, wanted: Wanted, begin: Begin, page: Page) -> Envelope[list[OrderView]]:
    """Newest first."""
    async with begin() as tx:
        rows, total = await list_orders(tx, wanted, page)
    return ok([OrderView.of(row) for row in rows], meta=page_meta(request, page, total))


@router.get("/orders/{order_id}", summary="One order", responses=refused.LOOKING)
async def get_order(order_id: UUID, caller: Caller, begin: Begin) -> Envelope[OrderView]:
    async with begin() as tx:
        order = await find_order(tx, order_id, _owner(caller))
    return ok(OrderView.of(order))


@router.get("/orders/{order_id}/timeline", summary="What happened to an order", responses=refused.LOOKING)
async def get_timeline(order_id: UUID, caller: Caller, begin: Begin) -> Envelope[list[StepView]]:
    """Every step with its time and cause, and what was heard without effect."""
    async with begin() as tx:
        await find_order(tx, order_id, _owner(caller))
        steps = await timeline_of(tx, order_id)
    return ok([StepView.of(step) for step in steps])


@router.post("/orders/{order_id}/cancel", summary="Cancel an order", responses=refused.COMMANDING)
async def post_cancel(
    order_id: UUID, caller: Caller, begin: Begin, shop: TheShop, body: CancelOrder | None = None
) -> Envelope[OrderView]:
    """Customers until the order is paid, staff until it is shipped: what was paid is paid back."""
    async with begin() as tx:
        reason = body.reason if body else ""
        await cancel_order(tx, order_id, _actor(caller), reason, shop.deadlines)
        order = await find_order(tx, order_id, None)
    return ok(OrderView.of(order), "Order cancelled")


@router.post("/orders/{order_id}/ship", summary="Ship an order", responses=refused.COMMANDING)
async def post_ship(
    order_id: UUID, caller: Fulfiller, begin: Begin, shop: TheShop, body: ShipOrder | None = None
) -> Envelope[OrderView]:
    shipment = Shipment(body.carrier, body.tracking_number) if body else Shipment()
    async with begin() as tx:
        await ship_order(tx, order_id, _actor(caller), shipment, shop.deadlines)
        order = await find_order(tx, order_id, None)
    return ok(OrderView.of(order), "Order shipped")


@router.post("/orders/{order_id}/deliver", summary="Mark an order as delivered", responses=refused.COMMANDING)
async def post_deliver(order_id: UUID, caller: Fulfiller, begin: Begin, shop: TheShop) -> Envelope[OrderView]:
    async with begin() as tx:
        await deliver_order(tx, order_id, _actor(caller), shop.deadlines)
        order = await find_order(tx, order_id, None)
    return ok(OrderView.of(order), "Order delivered")


def _owner(caller: Identity) -> UUID | None:
    """Whose orders the caller may see; None for everybody's."""
    return None if caller.may("orders.manage") else caller.user_id


def _actor(caller: Identity) -> Actor:
    return Actor(caller.user_id, caller.may("orders.manage"))
