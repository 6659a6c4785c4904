"""/payments: reading payments, and completing a sandbox payment as its customer."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field, StrictBool

from billing.errors import PaymentNotFound, PaymentNotWaiting, SandboxDisabled
from billing.payments.domain.status import Status, public_status
from billing.payments.providers.sandbox import SandboxProvider
from billing.payments.store.reads import SORTING, PaymentFilter, get_payment, list_payments
from billing.payments.tables import PaymentRow
from billing.payments.usecases import record_outcomes
from common import clock
from common.money import Money
from common.openapi.errors import errors
from common.security.tokens import Identity
from common.web.days import Period
from common.web.dependencies import Begin, Caller
from common.web.envelope import Envelope, ok
from common.web.fields import ProviderName
from common.web.listing import ORDERING, SearchText
from common.web.pagination import Page, page_meta

router = APIRouter(tags=["billing"])


class ActionView(BaseModel):
    """What the customer must do: `type` is redirect, qr or sandbox."""

    type: Annotated[str, Field(examples=["redirect"])]
    url: Annotated[str | None, Field(examples=["https://bank.example.com/3ds/7k2m"])]


class FailureView(BaseModel):
    code: Annotated[str, Field(examples=["card_declined"])]
    message: Annotated[str, Field(examples=["The bank declined the card"])]


class PaymentView(BaseModel):
    """`captured` was taken from the customer, `refunded` was given back."""

    id: UUID
    order_id: UUID
    customer_id: UUID
    provider: ProviderName | None
    status: Annotated[str, Field(examples=["succeeded"])]
    amount: Money
    captured: Money
    refunded: Money
    reference: Annotated[str | None, Field(description="the provider's id of the charge", examples=["pi_3Qk2mN"])]
    action: ActionView | None
    failure: FailureView | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: PaymentRow) -> Self:
        amount, captured, refunded = (
            Money(amount=minor_units, currency=row.currency) for minor_units in (row.amount, row.captured, row.refunded)
        )
        return cls(
            id=row.id,
            order_id=row.order_id,
            customer_id=row.customer_id,
            provider=row.provider,
            status=public_status(Status(row.status)),
            amount=amount,
            captured=captured,
            refunded=refunded,
            reference=row.reference,
            action=ActionView(type=row.action_type, url=row.action_url) if row.action_type else None,
            failure=FailureView(code=row.failure_code, message=row.failure_message or "") if row.failure_code else None,
            created_at=row.created_at,
            updated_at=row.updated_at,
        )


class SandboxAnswer(BaseModel):
    """The customer's decision."""

    approve: StrictBool = True


async def _sandbox(request: Request) -> SandboxProvider:
    sandbox: SandboxProvider | None = request.app.state.sandbox
    if sandbox is None:
        raise SandboxDisabled
    return sandbox


Sandbox = Annotated[SandboxProvider, Depends(_sandbox)]


async def _filter(
    *,
    caller: Caller,
    order_id: UUID | None = None,
    status: Status | None = None,
    period: Period,
    search: Annotated[
        SearchText | None, Query(description="part of the order's number or the reference", examples=["000042"])
    ] = None,
) -> PaymentFilter:
    return PaymentFilter(_visible_customer(caller), order_id, status, period, search or None)


@router.get("/payments", summary="List payments")
async def get_payments(
    request: Request,
    wanted: Annotated[PaymentFilter, Depends(_filter)],
    begin: Begin,
    page: Page,
    ordering: Annotated[str, SORTING, ORDERING] = "-created_at",
) -> Envelope[list[PaymentView]]:
    """The caller's payments; staff see those of all customers."""
    async with begin() as tx:
        rows, total = await list_payments(tx, wanted, ordering, page)
    return ok([PaymentView.of(row) for row in rows], meta=page_meta(request, page, total))


@router.get("/payments/{payment_id}", responses=errors(PaymentNotFound), summary="One payment")
async def get_one_payment(payment_id: UUID, caller: Caller, begin: Begin) -> Envelope[PaymentView]:
    """One payment; 404 for another customer's."""
    async with begin() as tx:
        row = await get_payment(tx, payment_id, _visible_customer(caller))
    return ok(PaymentView.of(row))


@router.post(
    "/payments/{payment_id}/sandbox/complete",
    responses=errors(SandboxDisabled, PaymentNotFound, PaymentNotWaiting),
    summary="Complete a sandbox payment",
)
async def complete_sandbox_payment(
    payment_id: UUID, caller: Caller, begin: Begin, sandbox: Sandbox, answer: SandboxAnswer | None = None
) -> Envelope[PaymentView]:
    """Approve or decline a sandbox payment that waits for its customer."""
    async with begin() as tx:
        await get_payment(tx, payment_id, caller.user_id)
    outcome = await sandbox.complete(payment_id, approve=answer is None or answer.approve)
    async with begin() as tx:
        await record_outcomes(tx, [(payment_id, outcome)], clock.now())
        row = await get_payment(tx, payment_id, caller.user_id)
    return ok(PaymentView.of(row), "The payment is complete")


def _visible_customer(caller: Identity) -> UUID | None:
    """The customer whose payments the caller may see; None for all."""
    return None if caller.may("payments.manage") else caller.user_id
