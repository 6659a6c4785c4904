"""What stays open for long, counted: WebSockets, streams of events, and answers too large to be held.

They are counted apart from requests, whose places at a service they must not take.
"""

from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager

from common import metrics
from common.errors import RateLimited, Unavailable
from gateway.exchange import Exchange
from gateway.headers import Headers
from gateway.routes import Route

EVENTS = b"text/event-stream"
LONG = 1024 * 1024
"""Bytes from which an answer lasts as long as its client likes."""
AGAIN_AFTER = 5.0
READS = frozenset(("GET", "HEAD"))


def lasts(headers: Headers) -> bool:
    """Whether an answer that has begun, and is not complete, counts as a stream: one whose end is not in sight."""
    given = dict(headers)
    length = given.get(b"content-length")
    return length is None or int(length) > LONG


def has_events(headers: Headers) -> bool:
    return dict(headers).get(b"content-type", b"").startswith(EVENTS)


class Streams:
    """`most` are open in this process at a time. How many of them may be one caller's is the route's to say.

    `exempts_loopback`: callers from there may have any number.
    """

    def __init__(self, most: int, *, exempts_loopback: bool) -> None:
        self._most = most
        self._exempts_loopback = exempts_loopback
        self._open: Counter[Hashable] = Counter()
        self._total = 0

    def __len__(self) -> int:
        return self._total

    @contextmanager
    def opened(self, exchange: Exchange, route: Route) -> Iterator[None]:
        """One more while the block runs. Raises RateLimited when it is too many for the caller, else Unavailable."""
        caller = exchange.caller
        # What a service was asked to change, it has changed: a refusal would hide that.
        if exchange.method in READS:
            self._admit(exchange, caller, route.max_streams)
        self._total += 1
        self._open[caller] += 1
        metrics.STREAMS.inc()
        try:
            yield
        finally:
            metrics.STREAMS.dec()
            self._total -= 1
            self._open[caller] -= 1
            if not self._open[caller]:
                del self._open[caller]

    def _admit(self, exchange: Exchange, caller: Hashable, most: int) -> None:
        is_exempt = self._exempts_loopback and exchange.client.is_loopback
        if self._open[caller] >= most and not is_exempt:
            metrics.RATE_LIMITED.labels("streams").inc()
            message = f"No more than {most} streams and long answers at a time"
            raise RateLimited(AGAIN_AFTER, message, code="too_many_streams")
        if len(self) >= self._most:
            raise Unavailable("All places for streams are taken", retry_after=AGAIN_AFTER, code="overloaded")
