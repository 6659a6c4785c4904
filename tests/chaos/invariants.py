"""The platform's invariants at rest: responses to customers, the payment provider's books and the events on the bus,
compared with every service's own tables.

Numbered as in docs/guides/reliability.md; 0 is about responses to customers.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from common.bus.subscriptions import matches
from common.bus.transport import DEAD_LETTERS
from dukan.services import SERVICES
from dukan.topology import consumers
from tests.chaos.ledger import Ledger
from tests.chaos.record import Record
from tests.e2e.platform import Platform

LEGAL = {
    (None, "pending"),
    ("pending", "reserved"),
    ("reserved", "awaiting_payment"),
    ("awaiting_payment", "confirmed"),
    ("pending", "cancelled"),
    ("reserved", "cancelled"),
    ("awaiting_payment", "cancelled"),
    ("confirmed", "cancelled"),
}
IN_CHECKOUT = ("pending", "reserved", "awaiting_payment")

OUTBOX = "SELECT event_id::text AS id, type, queue, published_at, dead_at FROM outbox"
BOOKS = """
SELECT p.order_id, sum(s.captured) AS captured, sum(s.refunded) AS refunded,
       count(*) FILTER (WHERE s.captured > 0) AS captures
FROM payment p JOIN sandbox_charge s ON s.idempotency_key = p.id GROUP BY p.order_id
"""
UNITS = """
SELECT coalesce(sum((line ->> 'quantity')::int), 0) AS units
FROM orders o, jsonb_array_elements(o.lines) AS line
WHERE o.status = 'confirmed' AND line ->> 'product_id' = $1
"""
TOLD = """
SELECT n.data ->> 'order_id' AS order_id, n.topic, count(*) AS times FROM notification n
WHERE n.topic IN ('order.confirmed', 'order.cancelled') GROUP BY 1, 2
"""


@dataclass
class InvariantResult:
    """The result for one invariant: the number of checks, and a description of each violation."""

    number: int
    claim: str
    checked: int = 0
    violations: list[str] = field(default_factory=list)

    def check(self, holds: bool, breach: str) -> None:
        self.checked += 1
        if not holds:
            self.violations.append(breach)


async def check_invariants(
    platform: Platform, ledger: Ledger, record: Record | None, direct_event_ids: Iterable[str]
) -> list[InvariantResult]:
    """All checks that are possible at rest. Without a record of the bus (embedded), fewer checks of 1."""
    return [
        await acknowledged_orders(platform, ledger),
        await events(platform, record, set(direct_event_ids)),
        await stock(platform, ledger.stocked),
        await money(platform),
        await sagas(platform),
        await inboxes(platform),
    ]


async def acknowledged_orders(platform: Platform, ledger: Ledger) -> InvariantResult:
    """Every acknowledged order exists in the acknowledged state; no other orders exist."""
    result = InvariantResult(0, "every response to a customer was correct")
    known: dict[str, dict[str, str]] = {}
    for customer in ledger.customers:
        rows = await platform.sql("orders", "SELECT id::text, status FROM orders WHERE user_id = $1", customer)
        known[customer] = {row["id"]: row["status"] for row in rows}
    promised: dict[str, set[str]] = defaultdict(set)
    for checkout in ledger.placed:
        promised[checkout.customer] |= checkout.answers
        status = known[checkout.customer].get(str(checkout.id))
        result.check(status is not None, f"order {checkout.id} was promised and is lost")
        result.check(status == checkout.status, f"{checkout.id} is {status}, its customer was shown {checkout.status}")
    for customer, orders in known.items():
        for extra in orders.keys() - promised[customer]:
            result.check(False, f"order {extra} was placed without a response")
    result.violations += ledger.contradictions()
    return result


async def events(platform: Platform, record: Record | None, direct_event_ids: set[str]) -> InvariantResult:
    """Committed events were published, uncommitted ones were not, and customers were notified of each result exactly
    once.
    """
    result = InvariantResult(1, "each committed event was published, nothing else was, its effect is there once")
    committed: set[str] = set()
    for service in SERVICES:
        for row in await platform.sql(service, OUTBOX):
            committed.add(row["id"])
            on_bus = record is None or row["queue"] is not None or row["id"] in record.seen
            result.check(on_bus or row["dead_at"] is not None, f"{service}'s {row['type']} {row['id']} was never seen")
    for seen in record.seen.values() if record else ():
        # The gateway has no database: its request log is the only event that is in no outbox.
        if seen.id not in direct_event_ids and not seen.type.startswith("gateway."):
            result.check(seen.id in committed, f"{seen.type} {seen.id} was on the bus though nobody committed it")
    await _notified_once(platform, result)
    return result


async def _notified_once(platform: Platform, result: InvariantResult) -> None:
    """Every finished order has exactly one notification of its result."""
    notified = {(row["order_id"], row["topic"]): row["times"] for row in await platform.sql("notifications", TOLD)}
    for row in await platform.sql("orders", "SELECT id::text, status FROM orders"):
        if row["status"] in {"confirmed", "cancelled"}:
            times = notified.get((row["id"], f"order.{row['status']}"), 0)
            result.check(
                times == 1, f"the customer of {row['id']} was notified {times} times that it is {row['status']}"
            )


async def stock(platform: Platform, stocked: dict[str, int]) -> InvariantResult:
    result = InvariantResult(2, "available + reserved + sold is what came in, and sold is what was confirmed")
    for product, initial in stocked.items():
        [row] = await platform.sql(
            "catalog", "SELECT available, reserved, sold FROM stock WHERE product_id = $1", product
        )
        [confirmed] = await platform.sql("orders", UNITS, product)
        balanced = min(row) >= 0 and sum(row) == initial
        result.check(balanced, f"{product} began with {initial} and now has {dict(row)}")
        settled = row["reserved"] == 0 and row["sold"] == confirmed["units"]
        result.check(settled, f"{product}: {confirmed['units']} confirmed but {dict(row)}")
    return result


async def money(platform: Platform) -> InvariantResult:
    """Orders' results against the books of the payment provider."""
    result = InvariantResult(3, "confirmed: captured once, in full; cancelled: no money kept")
    books = {row["order_id"]: row for row in await platform.sql("billing", BOOKS)}
    for order in await platform.sql("orders", "SELECT id, status, total FROM orders"):
        book = books.get(order["id"])
        captured, refunded, captures = (book["captured"], book["refunded"], book["captures"]) if book else (0, 0, 0)
        if order["status"] == "confirmed":
            exact = captures == 1 and captured == order["total"] and not refunded
            name = f"{order['id']} is confirmed at {order['total']}"
            result.check(exact, f"{name}, captured {captured} in {captures}, refunded {refunded}")
        elif order["status"] == "cancelled":
            name = f"{order['id']} is cancelled"
            result.check(captured == refunded, f"{name}, captured {captured}, refunded {refunded}")
    return result


async def sagas(platform: Platform) -> InvariantResult:
    result = InvariantResult(4, "every checkout ended, through legal steps")
    for row in await platform.sql("orders", "SELECT id, status FROM orders"):
        result.check(row["status"] not in IN_CHECKOUT, f"{row['id']} is still {row['status']}")
    steps: dict[Any, list[str]] = defaultdict(list)
    for row in await platform.sql("orders", "SELECT order_id, status FROM order_step ORDER BY order_id, id"):
        steps[row["order_id"]].append(row["status"])
    for order_id, statuses in steps.items():
        for before, after in zip([None, *statuses], statuses, strict=False):
            if before != after:
                result.check((before, after) in LEGAL, f"{order_id} went from {before} to {after}")
    return result


async def inboxes(platform: Platform) -> InvariantResult:
    """Each published event is in the inbox of each of its consumers, or among the dead letters."""
    result = InvariantResult(5, "outboxes are empty, each event is in every inbox that wants it or a dead letter")
    published: list[tuple[str, str]] = []
    for service in SERVICES:
        rows = await platform.sql(service, OUTBOX)
        for row in rows:
            result.check(row["published_at"] is not None, f"{service} never published {row['type']} {row['id']}")
        published += [(row["id"], row["type"]) for row in rows if row["queue"] is None]
    rows = await platform.sql("operations", "SELECT queue, event_id::text AS id FROM dead_letter")
    dead = {(row["queue"], row["id"]) for row in rows}
    for consumer in consumers():
        if consumer.name == DEAD_LETTERS:
            continue
        query = "SELECT event_id::text AS id FROM inbox WHERE consumer = $1"
        service = consumer.name.split(".", 1)[0]
        wait_until_accepted = {row["id"] for row in await platform.sql(service, query, consumer.name)}
        for event_id, event_type in published:
            if any(matches(pattern, event_type) for pattern in consumer.patterns):
                had = event_id in wait_until_accepted or (consumer.queue, event_id) in dead
                result.check(had, f"{consumer.name} never had {event_type} {event_id}")
    return result


def violations(found: Iterable[InvariantResult]) -> list[str]:
    """The violations as text, each with its invariant's number."""
    return [f"{result.number}: {breach}" for result in found for breach in result.violations]
