"""The invariants of the platform at rest: what customers were told, the payment provider's books and what was seen on
the bus, compared with every service's own tables; no service is asked for its word.

Numbered as in docs/guides/reliability.md; 0 is what customers were told.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from common.bus.delivery import DEAD_LETTERS
from common.bus.subscriptions import matches
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
class Verdict:
    """One invariant: how many things were looked at, and each breach in words."""

    number: int
    claim: str
    checked: int = 0
    breaches: list[str] = field(default_factory=list)

    def check(self, holds: bool, breach: str) -> None:
        self.checked += 1
        if not holds:
            self.breaches.append(breach)


async def verdicts(shop: Platform, ledger: Ledger, record: Record | None, planted: Iterable[str]) -> list[Verdict]:
    """All that can be read at rest. Without a record of the bus (there is none to hear in one process) less of 1."""
    return [
        await promises(shop, ledger),
        await events(shop, record, set(planted)),
        await stock(shop, ledger.stocked),
        await money(shop),
        await sagas(shop),
        await inboxes(shop),
    ]


async def promises(shop: Platform, ledger: Ledger) -> Verdict:
    """What a customer was told of exists and stands as told, and nothing else was made in their name."""
    verdict = Verdict(0, "what customers were told is so")
    known: dict[str, dict[str, str]] = {}
    for customer in ledger.customers:
        rows = await shop.sql("orders", "SELECT id::text, status FROM orders WHERE user_id = $1", customer)
        known[customer] = {row["id"]: row["status"] for row in rows}
    promised: dict[str, set[str]] = defaultdict(set)
    for checkout in ledger.placed:
        promised[checkout.customer] |= checkout.answers
        status = known[checkout.customer].get(str(checkout.id))
        verdict.check(status is not None, f"order {checkout.id} was promised and is lost")
        verdict.check(status == checkout.status, f"{checkout.id} is {status}, its customer was told {checkout.status}")
    for customer, orders in known.items():
        for extra in orders.keys() - promised[customer]:
            verdict.check(False, f"order {extra} was made without an answer")
    verdict.breaches += ledger.contradictions()
    return verdict


async def events(shop: Platform, record: Record | None, planted: set[str]) -> Verdict:
    """Committed events were on the bus, nothing uncommitted was, and customers heard of each verdict exactly once."""
    verdict = Verdict(1, "each committed event was published, nothing else was, its effect is there once")
    committed: set[str] = set()
    for service in SERVICES:
        for row in await shop.sql(service, OUTBOX):
            committed.add(row["id"])
            on_bus = record is None or row["queue"] is not None or row["id"] in record.seen
            verdict.check(on_bus or row["dead_at"] is not None, f"{service}'s {row['type']} {row['id']} was never seen")
    for seen in record.seen.values() if record else ():
        # The gateway keeps nothing: what it tells of requests is the one thing that no outbox holds.
        if seen.id not in planted and not seen.type.startswith("gateway."):
            verdict.check(seen.id in committed, f"{seen.type} {seen.id} was on the bus though nobody committed it")
    await _told_once(shop, verdict)
    return verdict


async def _told_once(shop: Platform, verdict: Verdict) -> None:
    """Every ended order has one notification of how it ended."""
    told = {(row["order_id"], row["topic"]): row["times"] for row in await shop.sql("notifications", TOLD)}
    for row in await shop.sql("orders", "SELECT id::text, status FROM orders"):
        if row["status"] in {"confirmed", "cancelled"}:
            times = told.get((row["id"], f"order.{row['status']}"), 0)
            verdict.check(times == 1, f"the customer of {row['id']} was told {times} times that it is {row['status']}")


async def stock(shop: Platform, stocked: dict[str, int]) -> Verdict:
    verdict = Verdict(2, "available + reserved + sold is what came in, and sold is what was confirmed")
    for product, initial in stocked.items():
        [row] = await shop.sql("catalog", "SELECT available, reserved, sold FROM stock WHERE product_id = $1", product)
        [confirmed] = await shop.sql("orders", UNITS, product)
        balanced = min(row) >= 0 and sum(row) == initial
        verdict.check(balanced, f"{product} began with {initial} and now has {dict(row)}")
        settled = row["reserved"] == 0 and row["sold"] == confirmed["units"]
        verdict.check(settled, f"{product}: {confirmed['units']} confirmed but {dict(row)}")
    return verdict


async def money(shop: Platform) -> Verdict:
    """Orders' verdicts against the books of the payment provider's side."""
    verdict = Verdict(3, "confirmed: captured once, in full; cancelled: no money kept")
    books = {row["order_id"]: row for row in await shop.sql("billing", BOOKS)}
    for order in await shop.sql("orders", "SELECT id, status, total FROM orders"):
        book = books.get(order["id"])
        captured, refunded, captures = (book["captured"], book["refunded"], book["captures"]) if book else (0, 0, 0)
        if order["status"] == "confirmed":
            exact = captures == 1 and captured == order["total"] and not refunded
            name = f"{order['id']} is confirmed at {order['total']}"
            verdict.check(exact, f"{name}, captured {captured} in {captures}, refunded {refunded}")
        elif order["status"] == "cancelled":
            name = f"{order['id']} is cancelled"
            verdict.check(captured == refunded, f"{name}, captured {captured}, refunded {refunded}")
    return verdict


async def sagas(shop: Platform) -> Verdict:
    verdict = Verdict(4, "every checkout ended, through legal steps")
    for row in await shop.sql("orders", "SELECT id, status FROM orders"):
        verdict.check(row["status"] not in IN_CHECKOUT, f"{row['id']} is still {row['status']}")
    steps: dict[Any, list[str]] = defaultdict(list)
    for row in await shop.sql("orders", "SELECT order_id, status FROM order_step ORDER BY order_id, id"):
        steps[row["order_id"]].append(row["status"])
    for order_id, statuses in steps.items():
        for before, after in zip([None, *statuses], statuses, strict=False):
            if before != after:
                verdict.check((before, after) in LEGAL, f"{order_id} went from {before} to {after}")
    return verdict


async def inboxes(shop: Platform) -> Verdict:
    """Each published event is in the inbox of each consumer that wants it, or among the dead letters."""
    verdict = Verdict(5, "outboxes are empty, each event is in every inbox that wants it or a dead letter")
    published: list[tuple[str, str]] = []
    for service in SERVICES:
        rows = await shop.sql(service, OUTBOX)
        for row in rows:
            verdict.check(row["published_at"] is not None, f"{service} never published {row['type']} {row['id']}")
        published += [(row["id"], row["type"]) for row in rows if row["queue"] is None]
    rows = await shop.sql("operations", "SELECT queue, event_id::text AS id FROM dead_letter")
    dead = {(row["queue"], row["id"]) for row in rows}
    for consumer in consumers():
        if consumer.name == DEAD_LETTERS:
            continue
        query = "SELECT event_id::text AS id FROM inbox WHERE consumer = $1"
        service = consumer.name.split(".", 1)[0]
        accepted = {row["id"] for row in await shop.sql(service, query, consumer.name)}
        for event_id, event_type in published:
            if any(matches(pattern, event_type) for pattern in consumer.patterns):
                had = event_id in accepted or (consumer.queue, event_id) in dead
                verdict.check(had, f"{consumer.name} never had {event_type} {event_id}")
    return verdict


def breaches(found: Iterable[Verdict]) -> list[str]:
    """In words, each with its invariant's number."""
    return [f"{verdict.number}: {breach}" for verdict in found for breach in verdict.breaches]
