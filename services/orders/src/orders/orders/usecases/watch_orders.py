"""The requests of this process that wait for an order, and the events that wake them."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from common.contracts.billing import PaymentActionRequired
from common.contracts.orders import OrderCancelled, OrderConfirmed
from common.drain import Drain


class OrderWatchers:
    def __init__(self, drain: Drain) -> None:
        self._changed: dict[UUID, set[asyncio.Event]] = {}
        self._drain = drain
        drain.on_begin(self._wake_all)

    @property
    def may_wait(self) -> bool:
        """False once the process is about to stop: requests that wait are answered with what is known."""
        return not self._drain.has_begun

    def _wake_all(self) -> None:
        for events in self._changed.values():
            for changed in events:
                changed.set()

    def on_event(self, event: OrderConfirmed | OrderCancelled | PaymentActionRequired) -> None:
        """Wake the requests that wait for the order."""
        for changed in self._changed.get(event.order_id, ()):
            changed.set()

    @contextmanager
    def watch(self, order_id: UUID) -> Iterator[asyncio.Event]:
        """An asyncio.Event that is set by each event about the order, while the block runs."""
        changed = asyncio.Event()
        self._changed.setdefault(order_id, set()).add(changed)
        try:
            yield changed
        finally:
            self._changed[order_id].discard(changed)
            if not self._changed[order_id]:
                del self._changed[order_id]
