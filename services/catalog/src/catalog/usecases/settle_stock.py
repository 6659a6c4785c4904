"""End reservations: commit what is sold, release what is not."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from uuid import UUID

from catalog.domain.stock import Move, Reservation, State
from catalog.usecases.move_stock import lock_shelves, move_stock
from common.contracts.catalog import StockCommitted, StockLine, StockReleased
from common.contracts.orders import OrderCancelled, OrderConfirmed
from common.errors import Permanent
from common.persistence.transaction import Transaction

HELD = """
SELECT order_id, state FROM reservation WHERE order_id = ANY($1) ORDER BY order_id FOR UPDATE
"""
LINES = "SELECT order_id, product_id, quantity FROM reservation_line WHERE order_id = ANY($1)"
BURY = """
INSERT INTO reservation (order_id, state, expires_at) SELECT unnest($1::uuid[]), 'released', $2 ON CONFLICT DO NOTHING
"""
SETTLE = "UPDATE reservation SET state = $2, updated_at = now() WHERE order_id = ANY($1)"

Settled = dict[UUID, list[Move]]


async def commit_stock(tx: Transaction, confirmed: Sequence[OrderConfirmed]) -> None:
    """Publishes StockCommitted per order. Raises Permanent for an order that holds nothing."""
    causes = {event.order_id: event for event in confirmed}
    held = await _held(tx, causes)
    if missing := causes.keys() - held.keys():
        raise Permanent(f"orders {sorted(map(str, missing))} are confirmed but were never placed here")
    for order_id, moves in (await _settle(tx, held, "committed", Reservation.commit)).items():
        tx.publish(StockCommitted(order_id=order_id, lines=_lines(moves)), causes[order_id])


async def release_stock(tx: Transaction, cancelled: Sequence[OrderCancelled], now: datetime) -> None:
    """Publishes StockReleased per order that held or had bought something.

    An order not heard of yet is remembered as released, so that it takes nothing when it does arrive.
    """
    causes = {event.order_id: event for event in cancelled}
    await tx.sql.execute(BURY, sorted(causes), now)
    held = await _held(tx, causes)
    for order_id, moves in (await _settle(tx, held, "released", Reservation.release)).items():
        tx.publish(StockReleased(order_id=order_id, lines=_lines(moves)), causes[order_id])


async def _held(tx: Transaction, orders: Iterable[UUID]) -> dict[UUID, Reservation]:
    order_ids = list(orders)
    states = await tx.sql.fetch(HELD, order_ids)
    lines: defaultdict[UUID, dict[UUID, int]] = defaultdict(dict)
    for row in await tx.sql.fetch(LINES, order_ids):
        lines[row["order_id"]][row["product_id"]] = row["quantity"]
    return {row["order_id"]: Reservation(row["order_id"], row["state"], lines[row["order_id"]]) for row in states}


async def _settle(
    tx: Transaction, held: dict[UUID, Reservation], state: State, end: Callable[[Reservation], list[Move]]
) -> Settled:
    """What moved, by order; orders that had ended this way before are left out."""
    settled = {order_id: moves for order_id, reservation in held.items() if (moves := end(reservation))}
    moves = [move for of_order in settled.values() for move in of_order]
    if moves:
        await tx.sql.execute(SETTLE, list(settled), state)
        await lock_shelves(tx, {move.product_id for move in moves})
        await move_stock(tx, moves)
    return settled


def _lines(moves: Sequence[Move]) -> tuple[StockLine, ...]:
    return tuple(StockLine(product_id=m.product_id, quantity=abs(m.reserved or m.sold)) for m in moves)
