"""POST /orders: the checkout."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Response
from pydantic import BaseModel, Field

from common.errors import Invalid
from common.web.dependencies import Begin, Caller
from common.web.envelope import Envelope, accepted, created
from common.web.idempotency import Idempotency
from orders.api.shop import Shop, TheShop
from orders.api.views import OrderView
from orders.api.waiting import WaitingRoom, look_until, seconds_preferred
from orders.domain.lines import MAX_LINES, MAX_QUANTITY
from orders.domain.payment import PaymentStatus
from orders.domain.saga import IN_CHECKOUT
from orders.queries import find_order
from orders.tables import OrderRow
from orders.usecases.place_order import Checkout, place_order

router = APIRouter(tags=["orders"])

Quantity = Annotated[int, Field(ge=1, le=MAX_QUANTITY, strict=True)]


class Item(BaseModel):
    product_id: UUID
    quantity: Quantity


class PaymentIn(BaseModel):
    """`token` is the provider's, never card data."""

    provider: Annotated[str, Field(max_length=50)] | None = None
    token: Annotated[str, Field(min_length=1, max_length=500)] | None = None


class PlaceOrder(BaseModel):
    """Without `items` the cart is taken; without `address_id` the default address, if any."""

    items: Annotated[list[Item], Field(max_length=MAX_LINES)] | None = None
    address_id: UUID | None = None
    payment: PaymentIn = PaymentIn()
    note: Annotated[str, Field(max_length=1000)] | None = None


@router.post(
    "/orders",
    status_code=202,
    response_model=Envelope[OrderView],
    responses={201: {"model": Envelope[OrderView], "description": "Final within the time of `Prefer: wait=N`"}},
)
async def post_order(
    body: PlaceOrder,
    *,
    caller: Caller,
    begin: Begin,
    idempotency: Idempotency,
    shop: TheShop,
    prefer: Annotated[str | None, Header(description="wait=N: hold the answer up to N ≤ 10 s")] = None,
) -> Response:
    """Place an order: 202 while it is pending, 201 when it was confirmed or cancelled within the wait preferred."""
    checkout = _checkout(body, caller.user_id, shop)

    async def place() -> OrderRow | Response:
        async with begin() as tx:
            if (replay := await idempotency.begin(tx, caller.user_id, body)) is not None:
                return replay
            order = await place_order(tx, checkout, shop.deadlines)
            await idempotency.store(tx, accepted(OrderView.of(order), "Order placed"), status_code=202)
        return order

    placed = await shop.knowing_prices(begin, place)
    if isinstance(placed, Response):
        return placed
    if seconds := seconds_preferred(prefer):
        placed = await _held(placed.id, seconds, begin, idempotency, shop.waiting)
    return _answer(placed)


async def _held(
    order_id: UUID, seconds: float, begin: Begin, idempotency: Idempotency, waiting: WaitingRoom
) -> OrderRow:
    """The order once it is settled, or after `seconds`; a final one becomes the answer that its key remembers."""

    async def look() -> OrderRow:
        async with begin() as tx:
            order = await find_order(tx, order_id, None)
            if _is_final(order):
                await idempotency.store(tx, _final(order), status_code=201)
        return order

    with waiting.expecting(order_id) as bell:
        return await look_until(bell, look, _is_settled, seconds)


def _checkout(body: PlaceOrder, user_id: UUID, shop: Shop) -> Checkout:
    provider = body.payment.provider or shop.providers[0]
    if provider not in shop.providers:
        offered = ", ".join(shop.providers)
        raise Invalid(
            f"Payment goes through one of: {offered}", code="orders.unknown_provider", field="payment.provider"
        )
    return Checkout(
        user_id=user_id,
        items=None if body.items is None else [(item.product_id, item.quantity) for item in body.items],
        address_id=body.address_id,
        provider=provider,
        payment_method=body.payment.token,
        note=body.note,
    )


def _is_final(order: OrderRow) -> bool:
    return order.status not in IN_CHECKOUT


def _is_settled(order: OrderRow) -> bool:
    """Nothing more happens by itself: the order is final, or it is the customer's turn."""
    return _is_final(order) or order.payment_status == PaymentStatus.ACTION_REQUIRED


def _final(order: OrderRow) -> Envelope[OrderView]:
    return created(OrderView.of(order), f"Order {order.status}")


def _answer(order: OrderRow) -> Response:
    """Rendered here: what was just validated need not be validated again on the way out."""
    final = _is_final(order)
    body = _final(order) if final else accepted(OrderView.of(order), "Order placed")
    headers = {"Location": f"/api/v1/orders/{order.id}"}
    return Response(body.model_dump_json(), 201 if final else 202, headers, "application/json")
