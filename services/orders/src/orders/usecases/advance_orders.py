"""Moving orders through the saga: lock, decide by the table, write, note, tell. One way in for events, commands and
the clock, for one order or for a batch, always with the same four statements."""

import json
import logging
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

import asyncpg
from pydantic import TypeAdapter

from common import clock
from common.context import Origin, current, use_origin
from common.contracts.event import Event
from common.contracts.orders import OrderLine
from common.errors import Transient
from common.money import Money
from common.persistence.transaction import Transaction
from orders.domain.order import Deadlines, Entry, Order, Progress, Signal
from orders.domain.payment import Payment, PaymentAction, PaymentStatus
from orders.domain.saga import Status

log = logging.getLogger(__name__)

# Locked in key order, so that two batches with orders in common cannot deadlock.
LOCK = """
SELECT id, number, user_id, status, status_reason, currency, total, lines, provider, payment_method, payment_id,
       payment_status, payment_action, deadline, correlation_id
FROM orders WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE
"""

SAVE = """
UPDATE orders o SET status = n.status, status_reason = n.status_reason, payment_id = n.payment_id,
    payment_status = n.payment_status, payment_action = n.payment_action, deadline = n.deadline, updated_at = $1
FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::uuid[], $7::text[], $8::jsonb[], $9::timestamptz[])
    AS n(id, was, status, status_reason, payment_id, payment_status, payment_action, deadline)
WHERE o.id = n.id AND o.status = n.was
RETURNING o.id
"""

NOTE = """
INSERT INTO order_step (order_id, at, status, event, cause, actor, detail)
SELECT * FROM unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
"""

_lines = TypeAdapter(tuple[OrderLine, ...])


@dataclass(frozen=True, slots=True)
class Cause:
    """A signal and, when an event brought it, that event."""

    signal: Signal
    event: Event | None = None


async def advance_orders(tx: Transaction, causes: Sequence[Cause], deadlines: Deadlines) -> list[Progress | None]:
    """What each signal did, in the order given; None where there is no such order."""
    orders = await _lock(tx, [cause.signal.order_id for cause in causes])
    before = {order_id: _columns(order) for order_id, order in orders.items()}
    now = clock.now()
    outcomes = [_decide(tx, orders.get(cause.signal.order_id), cause, now, deadlines) for cause in causes]
    changed = {order_id: was for order_id, was in before.items() if _columns(orders[order_id]) != was}
    await _save(tx, [(orders[order_id], was[0]) for order_id, was in changed.items()], now)
    await _note(tx, [entry for progress in outcomes if progress for entry in progress.entries])
    return outcomes


async def _lock(tx: Transaction, order_ids: Sequence[UUID]) -> dict[UUID, Order]:
    return {row["id"]: _revive(row) for row in await tx.sql.fetch(LOCK, order_ids)}


def _decide(tx: Transaction, order: Order | None, cause: Cause, now: datetime, deadlines: Deadlines) -> Progress | None:
    if order is None:
        log.warning(
            "%s is about an order that is not here", cause.signal.event, extra={"order_id": str(cause.signal.order_id)}
        )
        return None
    progress = order.receive(cause.signal, now, deadlines)
    # What the clock brings about has no origin of its own: it belongs to the order's story.
    adrift = cause.event is None and current() is None
    with use_origin(Origin(order.correlation_id)) if adrift else nullcontext():
        for fact in progress.facts:
            tx.publish(fact, cause=cause.event)
    return progress


async def _save(tx: Transaction, changed: Sequence[tuple[Order, Status]], now: datetime) -> None:
    """Compare and set: an order that is no longer what the decision was made on fails the whole transaction."""
    if not changed:
        return
    rows = [(order.id, was, *_columns(order)) for order, was in changed]
    saved = await tx.sql.fetch(SAVE, now, *(list(column) for column in zip(*rows, strict=True)))
    if len(saved) != len(changed):
        raise Transient("an order changed while its next step was decided")


async def _note(tx: Transaction, entries: Sequence[Entry]) -> None:
    if not entries:
        return
    rows = [(e.order_id, e.at, e.status, e.event, e.cause, e.actor, e.detail) for e in entries]
    await tx.sql.execute(NOTE, *(list(column) for column in zip(*rows, strict=True)))


def _revive(row: asyncpg.Record) -> Order:
    action = row["payment_action"]
    return Order(
        id=row["id"],
        number=row["number"],
        customer_id=row["user_id"],
        status=Status(row["status"]),
        status_reason=row["status_reason"],
        lines=_lines.validate_python(row["lines"]),
        total=Money(amount=row["total"], currency=row["currency"]),
        payment=Payment(
            provider=row["provider"],
            method=row["payment_method"],
            id=row["payment_id"],
            status=PaymentStatus(row["payment_status"]),
            action=PaymentAction(**action) if action else None,
        ),
        deadline=row["deadline"],
        correlation_id=row["correlation_id"],
    )


def _columns(order: Order) -> tuple[Status, *tuple[object, ...]]:
    """What the saga may change of an order; the status comes first."""
    payment = order.payment
    action = json.dumps(asdict(payment.action)) if payment.action else None
    return order.status, order.status_reason, payment.id, payment.status, action, order.deadline
