"""Responds to anonymous public reads from the cache, and coalesces concurrent identical ones.

Requests with credentials bypass the cache: their responses may be for their caller alone, and staff see their own
changes at once.
"""

import asyncio
from dataclasses import dataclass, field

from starlette.types import Receive

from common import metrics
from common.errors import DukanError, RateLimited
from gateway.cache.recorder import PurgeOnChange, ResponseRecorder
from gateway.cache.response_cache import CachedResponse, ResponseCache, cache_key
from gateway.cache.variants import respond_from_cache
from gateway.http.context import RequestContext
from gateway.http.headers import RequestHeaders
from gateway.http.target import target_of
from gateway.proxy.forwarder import Forwarder
from gateway.routing.routes import Route

SAFE_METHODS = frozenset(("GET", "HEAD"))
CONDITIONAL_HEADERS = frozenset(
    (b"if-match", b"if-modified-since", b"if-none-match", b"if-range", b"if-unmodified-since")
)
"""With these a service could send less than the whole response, which is what the cache stores."""
MAX_SHARE_OF_CACHE = 16
"""One response may take a sixteenth of the cache."""
MAX_WAIT_SECONDS = 2.0
"""How long a request waits for an identical one. Services respond to public reads in milliseconds: a request that takes
longer is held up, by its client or by its service."""


class InFlight:
    """A request to a service for which identical requests wait, for a limited time."""

    def __init__(self) -> None:
        self.done = asyncio.Event()
        self.was_answered = False
        self.error: DukanError | None = None


@dataclass(slots=True)
class CachingForwarder:
    """Uses `cache` first, then `forwarder`, with one cacheable request per target in flight while it is not held up."""

    cache: ResponseCache
    forwarder: Forwarder
    _in_flight: dict[bytes, InFlight] = field(default_factory=dict)

    async def forward(self, context: RequestContext, route: Route, receive: Receive) -> None:
        if route.cache_tag is None:
            await self.forwarder.forward(context, route, receive)
        elif context.method not in SAFE_METHODS:
            await self._change(context, route, route.cache_tag, receive)
        elif self.cache.max_bytes and is_cacheable(context.headers):
            await self._read(context, route, route.cache_tag, receive)
        else:
            await self.forwarder.forward(context, route, receive)

    async def _change(self, context: RequestContext, route: Route, tag: str, receive: Receive) -> None:
        """Purge before responding, so that a client that sees success sees the change."""
        context.observer = PurgeOnChange(self.cache, tag)
        try:
            await self.forwarder.forward(context, route, receive)
        except BaseException:
            # The change may have happened.
            self.cache.purge(tag)
            raise

    async def _read(self, context: RequestContext, route: Route, tag: str, receive: Receive) -> None:
        target = target_of(context.scope)
        cached = await self._find(context.headers, target)
        if cached is not None:
            await respond_from_cache(context, cached, self.cache.clock())
            return
        metrics.CACHE_MISSES.inc()
        context.response_headers.append((b"x-cache", b"miss"))
        if context.method == "HEAD" or cache_key(target) in self._in_flight:
            await self.forwarder.forward(context, route, receive)
        else:
            await self._fetch(context, route, tag, receive)

    async def _find(self, headers: RequestHeaders, target: bytes) -> CachedResponse | None:
        """The cached response, waiting for an identical request in flight; None if this one must be forwarded."""
        key = cache_key(target)
        deadline: float | None = None
        while True:
            if (cached := self._matching(target, headers)) is not None:
                return cached
            in_flight = self._in_flight.get(key)
            if in_flight is None:
                return None
            deadline = deadline or asyncio.get_running_loop().time() + MAX_WAIT_SECONDS
            try:
                async with asyncio.timeout_at(deadline):
                    await in_flight.done.wait()
            except TimeoutError:
                self._forget(key, in_flight)
                return None
            if in_flight.error is not None:
                raise in_flight.error
            if in_flight.was_answered:
                return self._matching(target, headers)
            # Its client disconnected, which cancelled the request: one of those that waited forwards its own.

    def _forget(self, key: bytes, in_flight: InFlight) -> None:
        """Later requests do not wait for this one."""
        if self._in_flight.get(key) is in_flight:
            del self._in_flight[key]

    def _matching(self, target: bytes, headers: RequestHeaders) -> CachedResponse | None:
        cached = self.cache.find(target)
        return cached if cached is not None and cached.matches(headers) else None

    async def _fetch(self, context: RequestContext, route: Route, tag: str, receive: Receive) -> None:
        """Forward the request for the whole response, and store the response if the service allows."""
        target = target_of(context.scope)
        key = cache_key(target)
        in_flight = self._in_flight[key] = InFlight()
        generation, requested_at = self.cache.generation(tag), self.cache.clock()
        context.observer = recorder = ResponseRecorder(self.cache.max_bytes // MAX_SHARE_OF_CACHE)
        headers = context.headers
        headers.forwarded = [pair for pair in headers.forwarded if pair[0] not in CONDITIONAL_HEADERS]
        try:
            await self.forwarder.forward(context, route, receive)
            if (response := recorder.cacheable_response(context, route, requested_at)) is not None:
                self.cache.store(tag, generation, target, response)
            in_flight.was_answered = True
        except RateLimited:
            # The limit concerns this caller only: one of those that wait forwards its own request.
            raise
        except DukanError as error:
            in_flight.error = error
            raise
        finally:
            context.observer = None
            self._forget(key, in_flight)
            in_flight.done.set()


def is_cacheable(headers: RequestHeaders) -> bool:
    """Whether the response to this request is the same for everyone: no credentials, no range, no body."""
    known = headers.known
    return (
        b"authorization" not in known and b"cookie" not in known and b"range" not in known and headers.body_length == 0
    )
