"""What billing shows."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, Field

from billing.queries import SHOWN
from billing.tables import PaymentRow, RefundRow
from common.money import Money


class ActionView(BaseModel):
    """What the customer must do: `type` is redirect, qr or sandbox."""

    type: str
    url: str | None


class FailureView(BaseModel):
    code: str
    message: str


class RefundView(BaseModel):
    """`status` is pending, succeeded or failed."""

    id: UUID
    payment_id: UUID
    amount: Money
    reason: str
    status: Annotated[str, Field(examples=["pending"])]
    failure_code: str | None
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


class PaymentView(BaseModel):
    """`captured` was taken, `refunded` went back."""

    id: UUID
    order_id: UUID
    customer_id: UUID
    provider: str | None
    status: Annotated[str, Field(examples=["succeeded"])]
    amount: Money
    captured: Money
    refunded: Money
    reference: str | None
    action: ActionView | None
    failure: FailureView | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: PaymentRow) -> Self:
        amount, captured, refunded = (
            Money(amount=minor, currency=row.currency) for minor in (row.amount, row.captured, row.refunded)
        )
        return cls(
            id=row.id,
            order_id=row.order_id,
            customer_id=row.customer_id,
            provider=row.provider,
            status=SHOWN.get(row.status, row.status),
            amount=amount,
            captured=captured,
            refunded=refunded,
            reference=row.reference,
            action=ActionView(type=row.action_type, url=row.action_url) if row.action_type else None,
            failure=FailureView(code=row.failure_code, message=row.failure_message or "") if row.failure_code else None,
            created_at=row.created_at,
            updated_at=row.updated_at,
        )
