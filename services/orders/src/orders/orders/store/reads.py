"""Orders as the API, admission control and the metrics read them."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import datetime, timedelta
from typing import Any, Self
from uuid import UUID

from sqlmodel import col, select

from common.persistence.search import contains
from common.persistence.transaction import Transaction
from common.web.listing import Sorting
from common.web.pagination import PageRequest
from orders.errors import OrderNotFound
from orders.orders.domain.order import Placed
from orders.orders.domain.payment import PaymentStatus
from orders.orders.domain.saga import IN_CHECKOUT, Status
from orders.orders.tables import OrderStep

FIND = "SELECT * FROM orders WHERE id = $1 AND ($2::uuid IS NULL OR user_id = $2)"
FIND_MANY = "SELECT * FROM orders WHERE id = ANY($1::uuid[])"
IS_OWNER = "SELECT EXISTS (SELECT FROM orders WHERE id = $1 AND user_id = $2)"

TITLES = "jsonb_path_query_array(lines, '$[*].title')::text"
FOUND = contains(["number", "note", TITLES], "$5")
FILTERED = f"""
FROM orders
WHERE ($1::uuid IS NULL OR user_id = $1) AND ($2::text IS NULL OR status = $2)
  AND ($3::timestamptz IS NULL OR created_at >= $3) AND ($4::timestamptz IS NULL OR created_at < $4)
  AND ($5::text IS NULL OR {FOUND})
"""
# Ids are UUIDv7: they order by the time of creation, and have an index.
SORTING = Sorting({"created_at": "id", "updated_at": "updated_at", "total": "total", "number": "number"})
LIST = f"SELECT * {FILTERED} ORDER BY {{}} LIMIT $6 OFFSET $7"
COUNT = f"SELECT count(*) {FILTERED}"

# Uses the index on deadlines: an order with a later deadline awaits its payment.
COUNT_PENDING = """
SELECT count(*) FROM (SELECT FROM orders WHERE deadline <= $1 AND status = 'pending' LIMIT $2) pending
"""

CHECKOUTS = """
SELECT status, count(*) AS orders, extract(epoch FROM $1 - min(created_at))::float8 AS oldest
FROM orders WHERE deadline IS NOT NULL GROUP BY status
"""


RELEASE_TIME = timedelta(seconds=10)
WITHOUT_STOCK = frozenset(("out_of_stock", "unknown_product", "stock_timeout"))
"""Reasons of a cancellation before any stock was reserved."""


@dataclass(slots=True, kw_only=True)
class StoredOrder:
    """A row of `orders`: the read model of the API."""

    id: UUID
    number: str
    user_id: UUID
    status: str
    status_reason: str | None = None
    currency: str
    subtotal: int
    total: int
    lines: list[dict[str, Any]]
    address: dict[str, Any] | None
    note: str | None
    provider: str
    payment_method: str | None
    payment_id: UUID | None = None
    payment_status: str = PaymentStatus.PENDING
    payment_action: dict[str, Any] | None = None
    deadline: datetime | None
    correlation_id: str
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, placed: Placed) -> Self:
        """The row of an order that was inserted just now, without reading it."""
        order, checkout = placed.order, placed.checkout
        return cls(
            id=order.id,
            number=order.number,
            user_id=order.customer_id,
            status=order.status,
            currency=order.total.currency,
            subtotal=order.subtotal.amount,
            total=order.total.amount,
            lines=[line.model_dump() for line in order.lines],
            address=placed.address,
            note=checkout.note,
            provider=checkout.provider,
            payment_method=checkout.payment_method,
            deadline=order.deadline,
            correlation_id=order.correlation_id,
            created_at=placed.at,
            updated_at=placed.at,
        )

    def may_hold_stock(self, now: datetime) -> bool:
        """Whether the order had stock, and catalog may not yet have heard that it is cancelled."""
        had_stock = self.status == Status.CANCELLED and self.status_reason not in WITHOUT_STOCK
        return had_stock and now < self.updated_at + RELEASE_TIME

    @property
    def is_final(self) -> bool:
        """Whether the checkout is over."""
        return self.status not in IN_CHECKOUT

    @property
    def is_settled(self) -> bool:
        """Whether nothing more happens by itself: the order is final, or the customer must act."""
        return self.is_final or self.payment_status == PaymentStatus.ACTION_REQUIRED


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """`since` is inclusive, `until` is exclusive."""

    user_id: UUID | None = None
    status: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    search: str | None = None


async def find_order(tx: Transaction, order_id: UUID, owner: UUID | None) -> StoredOrder:
    """Raises OrderNotFound if there is no such order, or if it belongs to another customer than `owner`."""
    row = await tx.sql.fetchrow(FIND, order_id, owner)
    if row is None:
        raise OrderNotFound
    return StoredOrder(**row)


async def find_orders(tx: Transaction, order_ids: Sequence[UUID]) -> dict[UUID, StoredOrder]:
    """The orders that exist, by id."""
    return {row["id"]: StoredOrder(**row) for row in await tx.sql.fetch(FIND_MANY, order_ids)}


async def is_owner(tx: Transaction, order_id: UUID, user_id: UUID) -> bool:
    owns: bool = await tx.sql.fetchval(IS_OWNER, order_id, user_id)
    return owns


async def list_orders(
    tx: Transaction, filter_: OrderFilter, ordering: str, page: PageRequest
) -> tuple[list[StoredOrder], int]:
    """A page of orders, and the number of all orders that pass the filter."""
    arguments = astuple(filter_)
    rows = await tx.sql.fetch(LIST.format(SORTING.order_by(ordering)), *arguments, page.limit, page.offset)
    total: int = await tx.sql.fetchval(COUNT, *arguments)
    return [StoredOrder(**row) for row in rows], total


async def list_timeline(tx: Transaction, order_id: UUID) -> Sequence[OrderStep]:
    steps = select(OrderStep).where(col(OrderStep.order_id) == order_id).order_by(col(OrderStep.id))
    return (await tx.session.exec(steps)).all()


async def count_pending(tx: Transaction, latest_deadline: datetime, limit: int) -> int:
    """The number of pending orders, counted up to `limit`."""
    pending: int = await tx.sql.fetchval(COUNT_PENDING, latest_deadline, limit)
    return pending


async def checkouts_by_status(tx: Transaction, now: datetime) -> dict[str, tuple[int, float]]:
    """For each status in the checkout, the number of orders and the age of the oldest in seconds."""
    return {row["status"]: (row["orders"], row["oldest"]) for row in await tx.sql.fetch(CHECKOUTS, now)}
