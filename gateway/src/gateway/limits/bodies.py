"""Limits for request bodies that are still arriving.

They are counted apart from requests in flight: a service's slots are for requests that it can work on. Otherwise a few
addresses that send their bodies byte by byte would take them all.
"""

from collections import Counter
from collections.abc import Hashable

from common import metrics
from gateway.errors import Overloaded, TooManyBodies

RETRY_AFTER_SECONDS = 5.0


class BodyLimits:
    """Bounds the bodies that are arriving: `max_bodies` in this process, `max_per_address` of one client."""

    def __init__(self, max_bodies: int, max_per_address: int) -> None:
        self._max_bodies = max_bodies
        self._max_per_address = max_per_address
        self._by_address: Counter[Hashable] = Counter()
        self._total = 0

    def __len__(self) -> int:
        return self._total

    def enter(self, address: Hashable) -> None:
        """Count a body. Raises TooManyBodies (of this client) or Overloaded (of all clients)."""
        if self._by_address[address] >= self._max_per_address:
            metrics.RATE_LIMITED.labels("bodies").inc()
            raise TooManyBodies(RETRY_AFTER_SECONDS)
        if self._total >= self._max_bodies:
            raise Overloaded("Too many requests are still being sent", retry_after=RETRY_AFTER_SECONDS)
        self._by_address[address] += 1
        self._total += 1
        metrics.BODIES.set(self._total)

    def leave(self, address: Hashable) -> None:
        self._total -= 1
        self._by_address[address] -= 1
        if not self._by_address[address]:
            del self._by_address[address]
        metrics.BODIES.set(self._total)
