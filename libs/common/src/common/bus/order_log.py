"""The line that each service leaves of a purchase."""

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from uuid import UUID

from common.contracts.orders import OrderConfirmed, OrderPlaced, PaymentRequested
from common.logs import log_items
from common.persistence.transaction import Transaction

OrderEvent = OrderPlaced | PaymentRequested | OrderConfirmed


def log_orders(
    tx: Transaction,
    log: logging.Logger,
    message: str,
    events: Sequence[OrderEvent],
    results: Mapping[UUID, str] | None = None,
) -> None:
    """Log, once after the commit, the orders of handled events: id, number, the request's id, and the result if any."""
    items = [_ids(event, tx) | ({"result": results[event.order_id]} if results else {}) for event in events]
    tx.after_commit(partial(log_items, log, message, items))


def _ids(event: OrderEvent, tx: Transaction) -> dict[str, object]:
    correlation_id = tx.cloud_event_of(event).correlation_id
    return {"order_id": event.order_id, "number": event.number, "correlation_id": correlation_id}
