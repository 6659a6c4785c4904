"""Adjust stock, and reserve, commit and release it for orders."""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from catalog.errors import InsufficientStock, ProductNotFound
from catalog.stock import store
from catalog.stock.domain import (
    Reservation,
    ReservationRequest,
    ReservationResult,
    State,
    StockMove,
    allocate,
    quantities,
)
from common.bus.order_log import log_orders
from common.contracts.catalog import (
    AvailabilityChanged,
    ReservationExpired,
    StockAdjusted,
    StockCommitted,
    StockLine,
    StockLow,
    StockRejected,
    StockReleased,
    StockReserved,
)
from common.contracts.orders import OrderCancelled, OrderConfirmed, OrderPlaced
from common.errors import Permanent
from common.persistence.transaction import Transaction

log = logging.getLogger(__name__)

EXPIRE_BATCH = 200

Levels = Mapping[UUID, int]
"""Product → available units."""


async def open_stock(tx: Transaction, product_ids: Sequence[UUID]) -> None:
    """Give new products their stock rows, with no units."""
    await store.insert_stock(tx, product_ids)


async def receive_first_stock(tx: Transaction, units: Mapping[UUID, int], *, note: str, actor: UUID | None) -> None:
    """Add the first units of products that this transaction has created."""
    await _move(
        tx,
        [
            StockMove(product_id, "adjusted", available=count, reason="received", note=note, actor=actor)
            for product_id, count in units.items()
            if count
        ],
    )


async def adjust_stock(
    tx: Transaction, product_id: UUID, delta: int, *, reason: str, note: str | None = None, actor: UUID | None = None
) -> None:
    """Add `delta` to the available units: goods received, damaged, returned or miscounted. Publishes StockAdjusted.

    Raises InsufficientStock, with the available units, if the result would be negative.
    """
    level = (await store.lock_levels(tx, [product_id])).get(product_id)
    if level is None:
        raise ProductNotFound
    if level.available + delta < 0:
        raise InsufficientStock(f"Only {level.available} are available", detail={"available": level.available})
    move = StockMove(product_id, "adjusted", available=delta, reason=reason, note=note, actor=actor)
    available = (await _move(tx, [move]))[product_id]
    tx.publish(StockAdjusted(product_id=product_id, delta=delta, available=available))
    if level.falls_low(-delta):
        tx.publish(StockLow(product_id=product_id, title=level.title, available=available))


async def reserve_stock(tx: Transaction, events: Sequence[OrderPlaced], expires_at: datetime) -> None:
    """Reserve stock for a batch of orders in arrival order.

    Publishes StockReserved or StockRejected for each order, and StockLow for each level that falls to its threshold.
    An order that has a result already, or was cancelled before it was placed, gets no second answer.
    """
    causes: dict[UUID, OrderPlaced] = {}
    for event in events:
        causes.setdefault(event.order_id, event)
    new = await store.insert_reservations(tx, sorted(causes), expires_at)
    requests = [_request(event) for order_id, event in causes.items() if order_id in new]
    levels = await store.lock_levels(tx, {product_id for request in requests for product_id in request.lines})
    results = allocate(requests, levels)
    await store.save_results(tx, results)
    available = await _move(tx, [move for result in results if not result.reason for move in result.moves])
    for result in results:
        _publish(tx, result, available, causes[result.request.order_id])
    outcomes = {result.request.order_id: result.reason or "reserved" for result in results}
    log_orders(tx, log, "stock of an order decided", [causes[order_id] for order_id in outcomes], outcomes)


async def commit_stock(tx: Transaction, events: Sequence[OrderConfirmed]) -> None:
    """Publishes StockCommitted per order. Raises Permanent for an order without reserved stock."""
    causes = {event.order_id: event for event in events}
    reservations = await store.lock_reservations(tx, causes)
    if missing := causes.keys() - reservations.keys():
        raise Permanent(f"orders {sorted(map(str, missing))} are confirmed but were never placed here")
    settled, available = await _settle(tx, reservations.values(), "committed", Reservation.commit)
    for order_id, moves in settled.items():
        tx.publish(StockCommitted(order_id=order_id, lines=_lines(moves, available)), causes[order_id])


async def release_stock(tx: Transaction, events: Sequence[OrderCancelled], now: datetime) -> None:
    """Publishes StockReleased per order that had reserved or bought stock.

    An order that was not placed yet is stored as released, so that it reserves nothing when its OrderPlaced arrives.
    """
    causes = {event.order_id: event for event in events}
    await store.insert_released(tx, sorted(causes), now)
    reservations = await store.lock_reservations(tx, causes)
    settled, available = await _settle(tx, reservations.values(), "released", Reservation.release)
    for order_id, moves in settled.items():
        tx.publish(StockReleased(order_id=order_id, lines=_lines(moves, available)), causes[order_id])


async def expire_reservations(tx: Transaction, now: datetime, reservation_timeout: timedelta) -> int:
    """Publishes ReservationExpired for up to 200 orders; their stock stays reserved until orders decides."""
    order_ids = await store.extend_expired(tx, now, reservation_timeout, EXPIRE_BATCH)
    for order_id in order_ids:
        tx.publish(ReservationExpired(order_id=order_id))
    return len(order_ids)


def _request(event: OrderPlaced) -> ReservationRequest:
    return ReservationRequest(event.order_id, quantities((line.product_id, line.quantity) for line in event.lines))


def _publish(tx: Transaction, result: ReservationResult, available: Levels, cause: OrderPlaced) -> None:
    order_id = result.request.order_id
    if result.reason:
        tx.publish(StockRejected(order_id=order_id, reason=result.reason, product_ids=result.missing), cause)
        return
    tx.publish(StockReserved(order_id=order_id, lines=_lines(result.moves, available)), cause)
    for level in result.low_stock:
        tx.publish(StockLow(product_id=level.product_id, title=level.title, available=level.available), cause)


async def _settle(
    tx: Transaction, reservations: Collection[Reservation], state: State, end: Callable[[Reservation], list[StockMove]]
) -> tuple[Mapping[UUID, list[StockMove]], Levels]:
    """End reservations: the moves by order, without orders that had ended this way before, and the levels then."""
    settled = {reservation.order_id: moves for reservation in reservations if (moves := end(reservation))}
    moves = [move for order_moves in settled.values() for move in order_moves]
    if not moves:
        return settled, {}
    await store.set_state(tx, list(settled), state)
    await store.lock_levels(tx, {move.product_id for move in moves})
    return settled, await _move(tx, moves)


async def _move(tx: Transaction, moves: Sequence[StockMove]) -> Levels:
    """Carry out moves on locked levels; what is available afterwards.

    Publishes AvailabilityChanged for each product that sold out or is back.
    """
    changes = await store.apply_moves(tx, moves) if moves else []
    for change in changes:
        in_stock = change.available > 0
        if in_stock != (change.available_before > 0):
            tx.publish(AvailabilityChanged(product_id=change.product_id, in_stock=in_stock))
    return {change.product_id: change.available for change in changes}


def _lines(moves: Sequence[StockMove], available: Levels) -> tuple[StockLine, ...]:
    """The same level for all orders of a batch: the one after the batch."""
    return tuple(
        StockLine(product_id=m.product_id, quantity=abs(m.reserved or m.sold), available=available[m.product_id])
        for m in moves
    )
