"""Payments as the API reads them."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlmodel import col, func, select
from sqlmodel.sql.expression import SelectOfScalar

from billing.errors import PaymentNotFound
from billing.payments.domain.status import Status, public_status
from billing.payments.tables import PaymentRow
from common.persistence.search import contains
from common.persistence.transaction import Transaction
from common.web.days import ALWAYS, TimeRange
from common.web.listing import Sorting
from common.web.pagination import PageRequest

# Ids are UUIDv7: they order by the time of creation, and have an index.
SORTING = Sorting({"created_at": "id", "updated_at": "updated_at", "amount": "amount"})
FOUND = text(contains(["number", "reference"], ":search"))


@dataclass(frozen=True, slots=True)
class PaymentFilter:
    """None filters nothing; `status` is the public one."""

    customer_id: UUID | None
    order_id: UUID | None = None
    status: Status | None = None
    created: TimeRange = ALWAYS
    search: str | None = None


async def list_payments(
    tx: Transaction, wanted: PaymentFilter, ordering: str, page: PageRequest
) -> tuple[Sequence[PaymentRow], int]:
    """A page of payments, and the number of all."""
    query = _payments(wanted.customer_id)
    if wanted.order_id is not None:
        query = query.where(PaymentRow.order_id == wanted.order_id)
    if wanted.status is not None:
        stored = [each for each in Status if public_status(each) is wanted.status]
        query = query.where(col(PaymentRow.status).in_(stored))
    if wanted.created.since is not None:
        query = query.where(col(PaymentRow.created_at) >= wanted.created.since)
    if wanted.created.until is not None:
        query = query.where(col(PaymentRow.created_at) < wanted.created.until)
    if wanted.search is not None:
        query = query.where(FOUND.bindparams(search=wanted.search))
    rows = query.order_by(text(SORTING.order_by(ordering))).offset(page.offset).limit(page.limit)
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
