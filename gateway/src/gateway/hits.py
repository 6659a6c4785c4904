"""Kept answers given without a task and without ASGI, at a third of the cost.

What a request meets on the long way it meets here as well, by the same code: its head is judged, its address counted,
its answer logged. Whatever is not plain takes the long way, which finds the same answer or refuses.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from starlette.types import Message, Scope

from common import metrics, telemetry
from common.errors import DukanError
from common.web.access_log import origin_of
from gateway.cache import Cache, Kept
from gateway.clients import Clients
from gateway.cors import Cors
from gateway.exchange import Exchange, safe
from gateway.freshness import is_known
from gateway.headers import Header, HeaderLimits, lines_of, read_headers
from gateway.observe import Observer
from gateway.sharing import hit_headers, is_shared, of_304
from gateway.throttle import Throttle

OK = b"HTTP/1.1 200 OK\r\n"
NOT_MODIFIED = b"HTTP/1.1 304 Not Modified\r\n"


@dataclass(slots=True)
class Hits:
    """Knows the cache and everything that a request has to pass before it gets something from there."""

    cache: Cache
    header_limits: HeaderLimits
    clients: Clients
    cors: Cors
    throttle: Throttle
    observer: Observer

    def answer(self, target: bytes, scope: Scope, given: Sequence[Header]) -> bytes | None:
        """The answer to a GET of this target, `given` headers included; None when the long way has to find it."""
        kept = self.cache.find(target)
        if kept is None or telemetry.is_on("gateway"):
            return None
        scope["path"] = kept.path
        exchange = Exchange(scope, _unsent)
        if not self._judge(exchange, kept):
            return None
        exchange.origin = origin_of(scope["headers"])
        answer = self._compose(exchange, kept.form_for(exchange.inbound) or kept, given)
        metrics.CACHE_HITS.inc()
        self.observer.gave(exchange, time.perf_counter() - exchange.started)
        return answer

    def _judge(self, exchange: Exchange, kept: Kept) -> bool:
        """Whether it may have the kept answer. Refusing is left to the long way, which says why."""
        scope, limits = exchange.scope, self.header_limits
        try:
            exchange.inbound = inbound = read_headers(scope["headers"], limits)
            if not is_shared(inbound) or not kept.suits(inbound) or kept.form_for(inbound) is None:
                return False
            peer = scope["client"][0] if scope["client"] else None
            exchange.client = self.clients.identify(peer, scope["scheme"], inbound)
            exchange.extra.extend(self.cors.headers(inbound.get(b"origin")))
            # The last, because it counts.
            self.throttle.admit(exchange)
        except DukanError:
            return False
        exchange.route = kept.route
        return True

    def _compose(self, exchange: Exchange, kept: Kept, given: Sequence[Header]) -> bytes:
        ours = [*given, *hit_headers(kept, self.cache.clock()), *exchange.marks(), *exchange.extra]
        if is_known(exchange.inbound.get(b"if-none-match"), kept.etag):
            exchange.status = 304
            return b"".join((NOT_MODIFIED, lines_of(ours), lines_of(safe(of_304(kept.headers))), b"\r\n"))
        exchange.status = 200
        body = b"" if exchange.method == "HEAD" else kept.body
        return b"".join((OK, kept.lines, lines_of(ours), b"\r\n", body))


async def _unsent(message: Message) -> NoReturn:
    raise NotImplementedError(message["type"])
