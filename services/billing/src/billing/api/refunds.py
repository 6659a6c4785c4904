"""/payments/{id}/refund: staff give money back."""

from collections.abc import Callable
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field, field_validator

from billing.api.views import RefundView
from billing.queries import get_payment, get_refund, refunds_of
from billing.usecases.request_refund import request_refund
from common import clock
from common.money import Money
from common.security.tokens import Identity
from common.web.dependencies import Begin, may
from common.web.envelope import Envelope, accepted, ok
from common.web.idempotency import Idempotency

router = APIRouter(tags=["billing"])

Cashier = Annotated[Identity, may("payments.manage")]


class RequestRefund(BaseModel):
    """Without an amount, all that is left goes back."""

    amount: Money | None = None
    reason: Annotated[str, Field(min_length=1, max_length=200)]

    @field_validator("amount")
    @classmethod
    def _positive(cls, amount: Money | None) -> Money | None:
        if amount is not None and amount.amount <= 0:
            raise ValueError("a refund is more than nothing")
        return amount


async def _wake(request: Request) -> Callable[[], None]:
    wake: Callable[[], None] = request.app.state.wake_refunds
    return wake


Wake = Annotated[Callable[[], None], Depends(_wake)]


@router.post(
    "/payments/{payment_id}/refund", status_code=202, response_model=Envelope[RefundView], summary="Refund a payment"
)
async def post_refund(  # noqa: PLR0917 (FastAPI fills them by name)
    payment_id: UUID, body: RequestRefund, caller: Cashier, begin: Begin, idempotency: Idempotency, wake: Wake
) -> Any:
    """Refund a payment in full or in part; the money is sent in the background."""
    async with begin() as tx:
        if (replay := await idempotency.begin(tx, caller.user_id, body)) is not None:
            return replay
        refund_id = await request_refund(tx, payment_id, body.amount, body.reason, clock.now())
        payment = await get_payment(tx, payment_id, None)
        answer = accepted(RefundView.of(await get_refund(tx, refund_id), payment.currency))
        await idempotency.store(tx, answer, status_code=202)
        tx.after_commit(wake)
    return answer


@router.get("/payments/{payment_id}/refunds", summary="Refunds of a payment")
async def get_refunds(payment_id: UUID, _: Cashier, begin: Begin) -> Envelope[list[RefundView]]:
    """The refunds of a payment, the oldest first."""
    async with begin() as tx:
        payment = await get_payment(tx, payment_id, None)
        refunds = await refunds_of(tx, payment.id)
    return ok([RefundView.of(refund, payment.currency) for refund in refunds])
