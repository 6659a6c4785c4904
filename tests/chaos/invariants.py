"""The invariants of the platform at rest, read from every service's own tables, none from a service's word.

Numbered as in docs/guides/reliability.md: 2 stock, 3 money, 4 sagas, 5 events; 0 is what customers were told.
"""

from collections import defaultdict
from typing import Any

from common.bus.subscriptions import matches
from common.bus.transport import DEAD_LETTERS
from dukan.services import SERVICES
from dukan.topology import consumers
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


async def violations(shop: Platform, stocked: dict[str, int], told: dict[str, set[str]]) -> list[str]:
    """Every breach, in words; empty when all holds.

    `stocked` is what each product had at first, `told` which orders each customer was told of.
    """
    return [
        *await order_breaches(shop, told),
        *await stock_breaches(shop, stocked),
        *await money_breaches(shop),
        *await saga_breaches(shop),
        *await event_breaches(shop),
    ]


async def order_breaches(shop: Platform, told: dict[str, set[str]]) -> list[str]:
    """What a customer was told of exists, and nothing else was made in their name."""
    found = []
    for customer, expected in told.items():
        rows = await shop.sql("orders", "SELECT id FROM orders WHERE user_id = $1", customer)
        known = {str(row["id"]) for row in rows}
        found += [f"0: order {order} was promised and is lost" for order in expected - known]
        found += [f"0: order {order} was made without an answer" for order in known - expected]
    return found


async def stock_breaches(shop: Platform, stocked: dict[str, int]) -> list[str]:
    found = []
    for product, initial in stocked.items():
        [row] = await shop.sql("catalog", "SELECT available, reserved, sold FROM stock WHERE product_id = $1", product)
        confirmed = await units_confirmed(shop, product)
        if min(row) < 0 or sum(row) != initial:
            found.append(f"2: {product} began with {initial} and now has {dict(row)}")
        if row["reserved"] != 0 or row["sold"] != confirmed:
            found.append(f"2: {product}: {confirmed} confirmed but {dict(row)}")
    return found


async def units_confirmed(shop: Platform, product: str) -> int:
    query = """
    SELECT coalesce(sum((line ->> 'quantity')::int), 0) AS units
    FROM orders o, jsonb_array_elements(o.lines) AS line
    WHERE o.status = 'confirmed' AND line ->> 'product_id' = $1
    """
    return int((await shop.sql("orders", query, product))[0]["units"])


async def money_breaches(shop: Platform) -> list[str]:
    """Orders' verdicts against the books of the payment provider's side."""
    orders = await shop.sql("orders", "SELECT id, status, total FROM orders")
    query = """
    SELECT p.order_id, sum(s.captured) AS captured, sum(s.refunded) AS refunded, count(*) FILTER (WHERE s.captured > 0)
        AS captures
    FROM payment p JOIN sandbox_charge s ON s.idempotency_key = p.id GROUP BY p.order_id
    """
    books = {row["order_id"]: row for row in await shop.sql("billing", query)}
    found = []
    for order in orders:
        book = books.get(order["id"])
        captured, refunded, captures = (book["captured"], book["refunded"], book["captures"]) if book else (0, 0, 0)
        if order["status"] == "confirmed" and (captures != 1 or captured != order["total"] or refunded):
            found.append(f"3: {order['id']} is confirmed at {order['total']}, captured {captured}, refunded {refunded}")
        if order["status"] == "cancelled" and captured != refunded:
            found.append(f"3: {order['id']} is cancelled, captured {captured}, refunded {refunded}")
    return found


async def saga_breaches(shop: Platform) -> list[str]:
    open_orders = await shop.sql(
        "orders", "SELECT id, status FROM orders WHERE status NOT IN ('confirmed', 'cancelled', 'refunded')"
    )
    found = [f"4: {row['id']} is still {row['status']}" for row in open_orders]
    steps: dict[Any, list[str]] = defaultdict(list)
    for row in await shop.sql("orders", "SELECT order_id, status FROM order_step ORDER BY order_id, id"):
        steps[row["order_id"]].append(row["status"])
    for order_id, statuses in steps.items():
        for before, after in zip([None, *statuses], statuses, strict=False):
            if before != after and (before, after) not in LEGAL:
                found.append(f"4: {order_id} went from {before} to {after}")
    return found


async def event_breaches(shop: Platform) -> list[str]:
    """Each published event is in the inbox of each consumer that wants it, or among the dead letters."""
    found = []
    published: list[tuple[Any, str]] = []
    for service in SERVICES:
        rows = await shop.sql(service, "SELECT event_id, type, published_at FROM outbox")
        found += [f"5: {service} never published {row['type']}" for row in rows if row["published_at"] is None]
        published += [(row["event_id"], row["type"]) for row in rows]
    dead = {row["event_id"] for row in await shop.sql("operations", "SELECT event_id FROM dead_letter")}
    for consumer in consumers():
        if consumer.name == DEAD_LETTERS:
            continue
        service = consumer.name.split(".", 1)[0]
        query = "SELECT event_id FROM inbox WHERE consumer = $1"
        accepted = {row["event_id"] for row in await shop.sql(service, query, consumer.name)}
        for event_id, event_type in published:
            wanted = any(matches(pattern, event_type) for pattern in consumer.patterns)
            if wanted and event_id not in accepted and event_id not in dead:
                found.append(f"5: {consumer.name} never had {event_type} {event_id}")
    return found
