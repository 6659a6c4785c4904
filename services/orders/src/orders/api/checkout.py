"""POST /orders: the checkout."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Request, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from common.context import current
from common.errors import Invalid
from common.openapi.errors import header_references
from common.openapi.example_values import PRODUCT
from common.web.dependencies import Authenticated, Begin, Caller
from common.web.envelope import Envelope
from common.web.fields import WHOLE
from common.web.idempotency import Idempotency, idempotent_request
from orders.api import refused
from orders.api.desk import Answer, Looking, Placing
from orders.api.shop import Shop, TheShop
from orders.api.views import OrderView
from orders.api.waiting import look_until, seconds_preferred
from orders.domain.lines import MAX_LINES, MAX_QUANTITY
from orders.usecases.place_orders import Checkout

router = APIRouter(tags=["orders"])
authenticated = Authenticated()

Quantity = Annotated[int, Field(ge=1, le=MAX_QUANTITY), WHOLE]


class Item(BaseModel):
    product_id: UUID
    quantity: Quantity


class PaymentIn(BaseModel):
    """`token` is the provider's, never card data."""

    provider: Annotated[str, Field(max_length=50)] | None = None
    token: Annotated[str, Field(min_length=1, max_length=500)] | None = None


class PlaceOrder(BaseModel):
    """Without `items` the cart is taken; without `address_id` the default address, if any."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "items": [{"product_id": PRODUCT, "quantity": 2}],
                    "payment": {"provider": "sandbox", "token": "tok_ok"},
                    "note": "Please ring twice",
                }
            ]
        }
    )

    items: Annotated[list[Item], Field(max_length=MAX_LINES)] | None = None
    address_id: UUID | None = None
    payment: PaymentIn = PaymentIn()
    note: Annotated[str, Field(max_length=1000)] | None = None


PLACED: dict[int | str, dict[str, Any]] = {
    201: {
        "model": Envelope[OrderView],
        "description": "Final within the time of `Prefer: wait=N`",
        "headers": header_references(["Location"]),
    },
    202: {"headers": header_references(["Location"])},
}


@router.post(
    "/orders",
    status_code=202,
    response_model=Envelope[OrderView],
    responses=refused.PLACING | PLACED,
    summary="Place an order",
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
    placing = Placing(_checkout(body, caller.user_id, shop), idempotency.claim_of(caller.user_id, body))
    answer = await shop.knowing_prices(begin, lambda: shop.desk.place(placing))
    if isinstance(answer, Response):
        return answer
    if seconds := seconds_preferred(prefer):
        answer = await _held(Looking(answer.order.id, placing.claim), seconds, shop)
    headers = {"Location": f"/api/v1/orders/{answer.order.id}"}
    return Response(answer.body, answer.status, headers, "application/json")


async def post_order_at_once(request: Request, _: str) -> Response | None:
    """The same ahead of the framework. What it cannot read is left to the route, which says what is wrong with it."""
    if request.headers.get("content-type") != "application/json":
        return None
    caller = await authenticated(request)
    try:
        body = PlaceOrder.model_validate_json(await request.body())
    except ValidationError:
        return None
    return await post_order(
        body,
        caller=caller,
        begin=request.app.state.database.begin,
        idempotency=await idempotent_request(request, request.headers.get("idempotency-key")),
        shop=request.app.state.shop,
        prefer=request.headers.get("prefer"),
    )


async def _held(looking: Looking, seconds: float, shop: Shop) -> Answer:
    """The order once it is settled, or after `seconds`; a final one becomes the answer that its key remembers."""
    with shop.waiting.expecting(looking.order_id) as bell:
        return await look_until(bell, lambda: shop.desk.look(looking), lambda answer: answer.is_settled, seconds)


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
        origin=current(),
    )
