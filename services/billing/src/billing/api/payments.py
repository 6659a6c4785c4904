"""/payments: reading them, and acting as the sandbox's customer."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, StrictBool

from billing.api.views import PaymentView
from billing.domain.payment import Status
from billing.providers.sandbox import SandboxProvider
from billing.queries import get_payment, list_payments
from billing.usecases.record_outcomes import record_outcomes
from common import clock
from common.errors import NotFound
from common.security.tokens import Identity
from common.web.dependencies import Begin, Caller
from common.web.envelope import Envelope, ok
from common.web.pagination import Page, page_meta

router = APIRouter(tags=["billing"])


async def _sandbox(request: Request) -> SandboxProvider:
    sandbox: SandboxProvider | None = request.app.state.sandbox
    if sandbox is None:
        raise NotFound("The sandbox provider is not offered here")
    return sandbox


Sandbox = Annotated[SandboxProvider, Depends(_sandbox)]


class SandboxAnswer(BaseModel):
    """What the customer decides."""

    approve: StrictBool = True


@router.get("/payments", summary="List payments")
async def get_payments(
    *,
    request: Request,
    caller: Caller,
    begin: Begin,
    page: Page,
    order_id: UUID | None = None,
    status: Status | None = None,
) -> Envelope[list[PaymentView]]:
    """The caller's payments, the newest first; staff see everybody's."""
    async with begin() as tx:
        rows, total = await list_payments(tx, customer_id=_only(caller), order_id=order_id, status=status, page=page)
    return ok([PaymentView.of(row) for row in rows], meta=page_meta(request, page, total))


@router.get("/payments/{payment_id}", summary="One payment")
async def get_one_payment(payment_id: UUID, caller: Caller, begin: Begin) -> Envelope[PaymentView]:
    """One payment; another customer's does not exist."""
    async with begin() as tx:
        row = await get_payment(tx, payment_id, _only(caller))
    return ok(PaymentView.of(row))


@router.post("/payments/{payment_id}/sandbox/complete", summary="Complete a sandbox payment")
async def complete_sandbox_payment(
    payment_id: UUID, caller: Caller, begin: Begin, sandbox: Sandbox, answer: SandboxAnswer | None = None
) -> Envelope[PaymentView]:
    """Approve (or refuse) a sandbox payment that waits for its customer, as its customer."""
    async with begin() as tx:
        await get_payment(tx, payment_id, caller.user_id)
    outcome = await sandbox.complete(payment_id, approve=answer is None or answer.approve)
    async with begin() as tx:
        await record_outcomes(tx, [(payment_id, outcome)], clock.now())
        row = await get_payment(tx, payment_id, caller.user_id)
    return ok(PaymentView.of(row), "The payment is complete")


def _only(caller: Identity) -> UUID | None:
    return None if caller.may("payments.manage") else caller.user_id
