"""/payments/{id}/refund: staff refund payments."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field, field_validator

from billing.errors import CurrencyMismatch, NothingToRefund, OverRefund, PaymentNotFound
from billing.refunds.store import currency_of, get_refund, list_refunds
from billing.refunds.tables import RefundRow
from billing.refunds.usecases import request_refund
from common import clock
from common.money import Money
from common.openapi.errors import errors
from common.security.tokens import Identity
from common.web.dependencies import Begin, may
from common.web.envelope import Envelope, accepted, ok
from common.web.fields import Reason
from common.web.idempotency import IDEMPOTENCY_ERRORS, Idempotency, replayed
from common.web.text import NFC

router = APIRouter(tags=["billing"])

Cashier = Annotated[Identity, may("payments.manage")]


class RequestRefund(BaseModel):
    """Without an amount, all that is left is refunded."""

    amount: Money | None = None
    reason: Annotated[Reason, Field(min_length=1, max_length=200), NFC]

    @field_validator("amount")
    @classmethod
    def _positive(cls, amount: Money | None) -> Money | None:
        if amount is not None and amount.amount <= 0:
            raise ValueError("the amount of a refund must be positive")
        return amount


class RefundView(BaseModel):
    """`status` is pending, succeeded or failed."""

    id: UUID
    payment_id: UUID
    amount: Money
    reason: Reason
    status: Annotated[str, Field(examples=["pending"])]
    failure_code: Annotated[str | None, Field(examples=["charge_disputed"])]
    created_at: datetime

    @classmethod
    def of(cls, row: RefundRow, currency: str) -> Self:
        return cls(
            id=row.id,
            payment_id=row.payment_id,
            amount=Money(amount=row.amount, currency=currency),
            reason=row.reason,
            status=row.status,
            failure_code=row.failure_code,
            created_at=row.created_at,
        )


async def _wake_refunds(request: Request) -> Callable[[], None]:
    wake: Callable[[], None] = request.app.state.wake_refunds
    return wake


WakeRefunds = Annotated[Callable[[], None], Depends(_wake_refunds)]


@router.post(
    "/payments/{payment_id}/refund",
    status_code=202,
    response_model=Envelope[RefundView],
    responses=errors(PaymentNotFound, NothingToRefund, CurrencyMismatch, OverRefund, *IDEMPOTENCY_ERRORS),
    summary="Refund a payment",
)
async def post_refund(  # noqa: PLR0917 (FastAPI fills them by name)
    payment_id: UUID, body: RequestRefund, caller: Cashier, begin: Begin, idempotency: Idempotency, wake: WakeRefunds
) -> Any:
    """Refund a payment in full or in part. The provider is called in the background."""
    async with begin() as tx:
        first_id = await idempotency.begin(tx, caller.user_id, body)
        refund_id = first_id or await request_refund(tx, payment_id, body.amount, body.reason, clock.now())
        currency = await currency_of(tx, payment_id)
        answer = accepted(RefundView.of(await get_refund(tx, refund_id), currency))
        if first_id is not None:
            return replayed(answer, status_code=202)
        await idempotency.store(tx, answer, status_code=202)
        tx.after_commit(wake)
    return answer


@router.get("/payments/{payment_id}/refunds", responses=errors(PaymentNotFound), summary="Refunds of a payment")
async def get_refunds(payment_id: UUID, _: Cashier, begin: Begin) -> Envelope[list[RefundView]]:
    """The refunds of a payment, oldest first."""
    async with begin() as tx:
        currency = await currency_of(tx, payment_id)
        refunds = await list_refunds(tx, payment_id)
    return ok([RefundView.of(refund, currency) for refund in refunds])
