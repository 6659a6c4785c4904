"""Limits for long-lived responses: WebSockets, event streams, and responses too large to buffer.

They are counted apart from other requests, so that they do not take a service's slots for requests in flight.
"""

from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager

from common import metrics
from gateway.errors import Overloaded, TooManyStreams
from gateway.http.context import RequestContext
from gateway.http.headers import Headers
from gateway.routing.routes import Route

EVENT_STREAM = b"text/event-stream"
MAX_BUFFERED_BYTES = 1024 * 1024
"""A larger response lasts as long as its client takes to read it."""
RETRY_AFTER_SECONDS = 5.0
SAFE_METHODS = frozenset(("GET", "HEAD"))


def is_long_lived(headers: Headers) -> bool:
    """Whether a response that has started and is not complete counts as a stream."""
    values = dict(headers)
    length = values.get(b"content-length")
    return length is None or int(length) > MAX_BUFFERED_BYTES


def is_event_stream(headers: Headers) -> bool:
    return dict(headers).get(b"content-type", b"").startswith(EVENT_STREAM)


class StreamLimits:
    """Limits open streams: `max_streams` in this process, and per caller the number that the route allows.

    With `exempts_loopback`, a caller on a loopback address may open any number.
    """

    def __init__(self, max_streams: int, *, exempts_loopback: bool) -> None:
        self._max_streams = max_streams
        self._exempts_loopback = exempts_loopback
        self._open: Counter[Hashable] = Counter()
        self._total = 0

    def __len__(self) -> int:
        return self._total

    @contextmanager
    def slot(self, context: RequestContext, route: Route) -> Iterator[None]:
        """Hold a slot while the block runs. Raises TooManyStreams (of this caller) or Overloaded (of all callers)."""
        caller = context.caller
        # An unsafe request has taken effect at the service: an error would hide that.
        if context.method in SAFE_METHODS:
            self._check(context, caller, route.max_streams)
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

    def _check(self, context: RequestContext, caller: Hashable, max_of_caller: int) -> None:
        is_exempt = self._exempts_loopback and context.client.is_loopback
        if self._open[caller] >= max_of_caller and not is_exempt:
            metrics.RATE_LIMITED.labels("streams").inc()
            message = f"No more than {max_of_caller} streams and long responses at a time"
            raise TooManyStreams(RETRY_AFTER_SECONDS, message)
        if len(self) >= self._max_streams:
            raise Overloaded("Too many streams are open", retry_after=RETRY_AFTER_SECONDS)
