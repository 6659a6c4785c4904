"""Payments as the API reads them."""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import col, func, select
from sqlmodel.sql.expression import SelectOfScalar

from billing.errors import PaymentNotFound
from billing.payments.domain.status import Status, public_status
from billing.payments.tables import PaymentRow
from common.persistence.transaction import Transaction
from common.web.pagination import PageRequest


async def list_payments(
    tx: Transaction, *, customer_id: UUID | None, order_id: UUID | None, status: Status | None, page: PageRequest
) -> tuple[Sequence[PaymentRow], int]:
    """A page of payments, newest first, and the number of all. `status` is the public one."""
    query = _payments(customer_id)
    if order_id is not None:
        query = query.where(PaymentRow.order_id == order_id)
    if status is not None:
        stored = [each for each in Status if public_status(each) is status]
        query = query.where(col(PaymentRow.status).in_(stored))
    rows = query.order_by(col(PaymentRow.id).desc()).offset(page.offset).limit(page.limit)
    count = select(func.count()).select_from(query.subquery())
    return (await tx.session.exec(rows)).all(), (await tx.session.exec(count)).one()


async def get_payment(tx: Transaction, payment_id: UUID, customer_id: UUID | None) -> PaymentRow:
    """One payment. Raises PaymentNotFound, also for a payment of another customer than the one given."""
    payment = (await tx.session.exec(_payments(customer_id).where(PaymentRow.id == payment_id))).first()
    if payment is None:
        raise PaymentNotFound
    return payment


def _payments(customer_id: UUID | None) -> SelectOfScalar[PaymentRow]:
    """All payments or one customer's, without tombstones."""
    query = select(PaymentRow).where(col(PaymentRow.provider).is_not(None))
    return query if customer_id is None else query.where(PaymentRow.customer_id == customer_id)
