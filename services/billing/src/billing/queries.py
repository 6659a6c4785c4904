"""Reads for the API."""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import col, func, select
from sqlmodel.sql.expression import SelectOfScalar

from billing.domain.payment import Status
from billing.tables import PaymentRow, RefundRow
from common.errors import NotFound
from common.persistence.transaction import Transaction
from common.web.pagination import PageRequest

SHOWN: dict[str, Status] = {Status.PROCESSING: Status.PENDING}
"""What a customer is shown: whether a pending payment has left the house is our own affair."""


async def list_payments(
    tx: Transaction, *, customer_id: UUID | None, order_id: UUID | None, status: Status | None, page: PageRequest
) -> tuple[Sequence[PaymentRow], int]:
    """The newest first, and how many there are in all."""
    wanted = select(PaymentRow).where(col(PaymentRow.provider).is_not(None))
    if customer_id is not None:
        wanted = wanted.where(PaymentRow.customer_id == customer_id)
    if order_id is not None:
        wanted = wanted.where(PaymentRow.order_id == order_id)
    if status is not None:
        shown_as = [each for each in Status if SHOWN.get(each, each) is status]
        wanted = wanted.where(col(PaymentRow.status).in_(shown_as))
    ordered = wanted.order_by(col(PaymentRow.id).desc()).offset(page.offset).limit(page.limit)
    return (await tx.session.exec(ordered)).all(), await _count(tx, wanted)


async def _count(tx: Transaction, wanted: SelectOfScalar[PaymentRow]) -> int:
    return (await tx.session.exec(select(func.count()).select_from(wanted.subquery()))).one()


async def get_payment(tx: Transaction, payment_id: UUID, customer_id: UUID | None) -> PaymentRow:
    """One payment; with a customer, only if it is theirs. NotFound otherwise."""
    wanted = select(PaymentRow).where(PaymentRow.id == payment_id, col(PaymentRow.provider).is_not(None))
    if customer_id is not None:
        wanted = wanted.where(PaymentRow.customer_id == customer_id)
    payment = (await tx.session.exec(wanted)).first()
    if payment is None:
        raise NotFound("There is no such payment")
    return payment


async def refunds_of(tx: Transaction, payment_id: UUID) -> Sequence[RefundRow]:
    wanted = select(RefundRow).where(RefundRow.payment_id == payment_id).order_by(col(RefundRow.id))
    return (await tx.session.exec(wanted)).all()


async def get_refund(tx: Transaction, refund_id: UUID) -> RefundRow:
    return (await tx.session.exec(select(RefundRow).where(RefundRow.id == refund_id))).one()
