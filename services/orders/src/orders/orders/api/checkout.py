"""POST /orders: the checkout."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from common.context import current
from common.ids import new_id
from common.openapi.errors import errors, header_references
from common.web.dependencies import Authenticated, Caller
from common.web.envelope import Envelope, accepted, created
from common.web.fields import WHOLE, Note, ProviderName
from common.web.idempotency import (
    IDEMPOTENCY_ERRORS,
    REPLAYED,
    Idempotency,
    StoredResponse,
    idempotent_request,
)
from common.web.preferences import Wait, wait_seconds
from common.web.validation.json_body import read_json
from orders.errors import (
    EmptyOrder,
    MixedCurrencies,
    NotForSale,
    Overloaded,
    PriceUnavailable,
    QuantityTooLarge,
    UnknownAddress,
    UnknownProducts,
    UnknownProvider,
)
from orders.orders.api.dependencies import OrderDependencies, Orders
from orders.orders.api.views import OrderView
from orders.orders.domain.checkout import Checkout
from orders.orders.store.reads import StoredOrder
from orders.orders.usecases.submit_checkout import CheckoutAnswer
from orders.prices.domain import MAX_LINES, MAX_QUANTITY

router = APIRouter(tags=["orders"])
authenticated = Authenticated()

PLACE_ORDER_EXAMPLE: JsonDict = {
    "items": [{"product_id": "019c1f0c-7a10-7b3e-9f52-6a1f0c9d2e11", "quantity": 2}],
    "payment": {"provider": "sandbox", "token": "tok_ok"},
    "note": "Please ring twice",
}


class Item(BaseModel):
    product_id: UUID
    quantity: Annotated[int, Field(ge=1, le=MAX_QUANTITY, examples=[2]), WHOLE]


class PaymentIn(BaseModel):
    """`token` is the provider's, never card data."""

    provider: Annotated[ProviderName, Field(max_length=50)] | None = None
    token: Annotated[str, Field(min_length=1, max_length=500, examples=["tok_ok"])] | None = None


class PlaceOrder(BaseModel):
    """Without `items`, the cart is ordered; without `address_id`, the order goes to the default address, if any."""

    model_config = ConfigDict(json_schema_extra={"examples": [PLACE_ORDER_EXAMPLE]})

    items: Annotated[list[Item], Field(max_length=MAX_LINES)] | None = None
    address_id: UUID | None = None
    payment: PaymentIn = PaymentIn()
    note: Annotated[Note, Field(max_length=1000)] | None = None

    def checkout(self, customer_id: UUID, providers: Sequence[str]) -> Checkout:
        """Raises UnknownProvider."""
        provider = self.payment.provider or providers[0]
        if provider not in providers:
            raise UnknownProvider(f"Payment goes through one of: {', '.join(providers)}")
        order_id, origin = new_id(), current()
        return Checkout(
            order_id=order_id,
            customer_id=customer_id,
            items=None if self.items is None else [(item.product_id, item.quantity) for item in self.items],
            address_id=self.address_id,
            provider=provider,
            payment_method=self.payment.token,
            note=self.note,
            correlation_id=origin.correlation_id if origin else str(order_id),
        )


PLACE_ERRORS = errors(
    EmptyOrder,
    QuantityTooLarge,
    NotForSale,
    UnknownProducts,
    MixedCurrencies,
    UnknownAddress,
    UnknownProvider,
    PriceUnavailable,
    Overloaded,
    *IDEMPOTENCY_ERRORS,
)
PLACE_RESPONSES: dict[int | str, dict[str, Any]] = {
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
    responses=PLACE_RESPONSES | PLACE_ERRORS,
    summary="Place an order",
)
async def post_order(
    body: PlaceOrder, caller: Caller, idempotency: Idempotency, orders: Orders, wait: Wait
) -> Response:
    """Place an order: 202 while it is pending, 201 once it is confirmed or cancelled within `Prefer: wait=N`."""
    key = idempotency.keyed(caller.user_id, body)
    answer = await orders.checkouts.submit(body.checkout(caller.user_id, orders.providers), key)
    if wait and answer.order_id:
        answer = await orders.checkouts.settled(answer.order_id, key, within=wait)
    return _response(answer)


async def post_order_at_once(request: Request, _: str) -> Response | None:
    """The same on the fast path (see common.web.fast_path). The route handles, and explains, a malformed body."""
    headers = request.headers
    if headers.get("content-type") != "application/json" or "content-encoding" in headers:
        return None
    caller = await authenticated(request)
    body = read_json(PlaceOrder, await request.body())
    if body is None:
        return None
    idempotency = await idempotent_request(request, headers.get("idempotency-key"))
    orders: OrderDependencies = request.app.state.orders
    return await post_order(body, caller, idempotency, orders, wait_seconds(headers.get("prefer")))


def render_order(order: StoredOrder) -> StoredResponse:
    """The response to a checkout, as it is stored for retries: 202 or, if the order is final, 201."""
    view = OrderView.of(order)
    if order.is_final:
        return StoredResponse(201, created(view, f"Order {order.status}").model_dump_json().encode())
    return StoredResponse(202, accepted(view, "Order placed").model_dump_json().encode())


def _response(answer: CheckoutAnswer) -> Response:
    headers = {"Location": f"/api/v1/orders/{answer.order_id}"} if answer.order_id else REPLAYED
    return Response(answer.response.body, answer.response.status, headers, "application/json")
