"""`Prefer: wait=N` (RFC 7240): requests that hold their answer until their order is final or the customer must act."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar
from uuid import UUID

from common.contracts.billing import PaymentActionRequired
from common.contracts.orders import OrderCancelled, OrderConfirmed

LONGEST_WAIT = 10.0
FALLBACK = 3.0
FIRST_LOOK = 0.02

WAIT = re.compile(r"(?:^|[,;])\s*wait\s*=\s*\"?(\d{1,9})\"?\s*(?=[,;]|$)", re.IGNORECASE)

T = TypeVar("T")


def seconds_preferred(prefer: str | None) -> float:
    """How long the client would wait: at most LONGEST_WAIT, and 0 when it does not say (or not intelligibly)."""
    found = WAIT.search(prefer or "")
    return min(float(found.group(1)), LONGEST_WAIT) if found else 0.0


class WaitingRoom:
    """Who waits in this process for news of an order."""

    def __init__(self) -> None:
        self._bells: dict[UUID, set[asyncio.Event]] = {}

    def on_news(self, event: OrderConfirmed | OrderCancelled | PaymentActionRequired) -> None:
        for bell in self._bells.get(event.order_id, ()):
            bell.set()

    @contextmanager
    def expecting(self, order_id: UUID) -> Iterator[asyncio.Event]:
        """A bell that rings at news of the order, from now on."""
        bell = asyncio.Event()
        self._bells.setdefault(order_id, set()).add(bell)
        try:
            yield bell
        finally:
            self._bells[order_id].discard(bell)
            if not self._bells[order_id]:
                del self._bells[order_id]


async def look_until(
    bell: asyncio.Event, look: Callable[[], Awaitable[T]], settled: Callable[[T], bool], seconds: float
) -> T:
    """What `look` sees once that is settled, else what it saw last, after `seconds` (more than 0).

    The bell says when to look. It may ring before this service has itself digested the news, so after a ring `look`
    is called again after pauses that grow to FALLBACK; when the bell is never heard, each FALLBACK.
    """
    now = asyncio.get_running_loop().time
    end = now() + seconds
    pause = FALLBACK
    while True:
        rang = await _rings(bell, min(pause, end - now()))
        seen = await look()
        if settled(seen) or now() >= end:
            return seen
        pause = FIRST_LOOK if rang else min(pause * 2, FALLBACK)


async def _rings(bell: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await bell.wait()
    except TimeoutError:
        return False
    bell.clear()
    return True
