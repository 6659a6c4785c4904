"""Set stock aside for orders: a batch at a time, decided in arrival order."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from catalog.domain.stock import Demand, Verdict, decide, quantities
from catalog.usecases.move_stock import lock_shelves, move_stock
from common.contracts.catalog import StockLine, StockLow, StockRejected, StockReserved
from common.contracts.orders import OrderPlaced
from common.persistence.transaction import Transaction

# Claiming the order comes first: a concurrent cancel or duplicate of the same order waits here.
CLAIM = """
INSERT INTO reservation (order_id, state, expires_at) SELECT unnest($1::uuid[]), 'reserved', $2
ON CONFLICT DO NOTHING RETURNING order_id
"""
REJECT = "UPDATE reservation SET state = 'rejected', updated_at = now() WHERE order_id = ANY($1)"
WRITE_LINES = """
INSERT INTO reservation_line (order_id, product_id, quantity)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::integer[])
"""


async def reserve_stock(tx: Transaction, placed: Sequence[OrderPlaced], expires_at: datetime) -> None:
    """Publishes StockReserved or StockRejected for each order, and StockLow for each shelf that falls low.

    An order that catalog decided upon before, or that was cancelled before it was placed, gets no second answer.
    """
    first: dict[UUID, OrderPlaced] = {}
    for event in placed:
        first.setdefault(event.order_id, event)
    fresh = {row["order_id"] for row in await tx.sql.fetch(CLAIM, sorted(first), expires_at)}
    demands = [_demand(event) for order_id, event in first.items() if order_id in fresh]
    shelves = await lock_shelves(tx, {product_id for demand in demands for product_id in demand.lines})
    verdicts = decide(demands, shelves)
    await _record(tx, verdicts)
    for verdict in verdicts:
        _announce(tx, verdict, first[verdict.demand.order_id])


async def _record(tx: Transaction, verdicts: Sequence[Verdict]) -> None:
    rejected = [verdict.demand.order_id for verdict in verdicts if verdict.reason]
    if rejected:
        await tx.sql.execute(REJECT, rejected)
    moves = [move for verdict in verdicts if not verdict.reason for move in verdict.moves]
    if moves:
        lines = [(move.order_id, move.product_id, move.reserved) for move in moves]
        await tx.sql.execute(WRITE_LINES, *(list(column) for column in zip(*lines, strict=True)))
        await move_stock(tx, moves)


def _demand(event: OrderPlaced) -> Demand:
    return Demand(event.order_id, quantities((line.product_id, line.quantity) for line in event.lines))


def _announce(tx: Transaction, verdict: Verdict, cause: OrderPlaced) -> None:
    order_id = verdict.demand.order_id
    if verdict.reason:
        tx.publish(StockRejected(order_id=order_id, reason=verdict.reason, product_ids=verdict.lacking), cause)
        return
    lines = tuple(StockLine(product_id=p, quantity=n) for p, n in verdict.demand.lines.items())
    tx.publish(StockReserved(order_id=order_id, lines=lines), cause)
    for shelf in verdict.emptied:
        tx.publish(StockLow(product_id=shelf.product_id, title=shelf.title, available=shelf.available), cause)
