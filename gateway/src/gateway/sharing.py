"""Public reads that many ask alike: answered from the cache, asked of the service once, forgotten when they change.

A request with credentials passes by: what it gets may be for its caller alone, and staff see at once what they did.
"""

import asyncio
from dataclasses import dataclass, field, replace

from starlette.types import Receive

from common import metrics
from common.contracts import catalog
from common.contracts.event import Event
from common.errors import DukanError, RateLimited
from gateway.cache import Cache, Kept, key_of
from gateway.compression import VARIES, Coding, can_pack, chosen, pack, packed_headers
from gateway.errors import GatewayTimeout
from gateway.exchange import Exchange, safe
from gateway.forward import Forwarder, target_of
from gateway.freshness import age, is_known, seconds_fresh, what_varies
from gateway.headers import Headers, Inbound, lines_of
from gateway.routes import OFFER, Route

READS = frozenset(("GET", "HEAD"))
# What would make the service answer with less than the whole, which is what is kept.
CONDITIONS = frozenset((b"if-match", b"if-modified-since", b"if-none-match", b"if-range", b"if-unmodified-since"))

CHANGES: dict[type[Event], str] = {
    catalog.ProductCreated: OFFER,
    catalog.ProductChanged: OFFER,
    catalog.ProductDeleted: OFFER,
    catalog.ProductImagesChanged: OFFER,
    catalog.AvailabilityChanged: OFFER,
    catalog.CategoryCreated: OFFER,
    catalog.CategoryChanged: OFFER,
    catalog.CategoryDeleted: OFFER,
}
"""What these events tell of makes answers of the family wrong."""

LARGEST_SHARE = 16
"""One answer may take a sixteenth of the cache."""


@dataclass(slots=True)
class Sharing:
    """Answers from `cache` or through `forwarder`. At most one request per target is at a service, others wait."""

    cache: Cache
    forwarder: Forwarder
    _asked: dict[bytes, "_Asked"] = field(default_factory=dict)

    async def forward(self, exchange: Exchange, route: Route, receive: Receive) -> None:
        if route.family is None:
            await self.forwarder.forward(exchange, route, receive)
        elif exchange.method not in READS:
            await self._change(exchange, route, route.family, receive)
        elif self.cache.most_bytes and is_shared(exchange.inbound):
            await self._read(exchange, route, route.family, receive)
        else:
            await self.forwarder.forward(exchange, route, receive)

    async def _change(self, exchange: Exchange, route: Route, family: str, receive: Receive) -> None:
        """Whoever is told that it was done, finds it done."""
        exchange.tap = _Purge(self.cache, family)
        try:
            await self.forwarder.forward(exchange, route, receive)
        except BaseException:
            # What became of it is not known.
            self.cache.purge(family)
            raise

    async def _read(self, exchange: Exchange, route: Route, family: str, receive: Receive) -> None:
        target = target_of(exchange)
        kept = await self._find(exchange.inbound, target, route.timeout)
        if kept is not None:
            await give(exchange, kept, self.cache.clock())
            return
        metrics.CACHE_MISSES.inc()
        exchange.extra.append((b"x-cache", b"miss"))
        if exchange.method == "HEAD" or key_of(target) in self._asked:
            await self.forwarder.forward(exchange, route, receive)
        else:
            await self._ask(exchange, route, family, receive)

    async def _find(self, inbound: Inbound, target: bytes, seconds: float) -> Kept | None:
        """What is kept, or will be in a moment. None when this request has to ask for itself."""
        while True:
            kept = self.cache.find(target)
            if kept is not None and kept.suits(inbound):
                return kept
            asked = self._asked.get(key_of(target))
            if asked is None:
                return None
            try:
                async with asyncio.timeout(seconds):
                    await asked.over.wait()
            except TimeoutError:
                raise GatewayTimeout from None
            if asked.failure is not None:
                raise asked.failure
            if asked.was_answered:
                kept = self.cache.find(target)
                return kept if kept is not None and kept.suits(inbound) else None
            # Its client left and took the request along: somebody else has to ask.

    async def _ask(self, exchange: Exchange, route: Route, family: str, receive: Receive) -> None:
        """Be the one who asks, for the whole answer, and keep it if the service allows."""
        target = target_of(exchange)
        asked = self._asked[key_of(target)] = _Asked()
        generation, began = self.cache.generation(family), self.cache.clock()
        exchange.tap = copy = _Copy(self.cache.most_bytes // LARGEST_SHARE)
        inbound = exchange.inbound
        inbound.passed = [pair for pair in inbound.passed if pair[0] not in CONDITIONS]
        try:
            await self.forwarder.forward(exchange, route, receive)
            if (kept := copy.kept(exchange, route, began)) is not None:
                self.cache.keep(family, generation, target, kept)
            asked.was_answered = True
        except RateLimited:
            # That was about this caller: somebody else has to ask.
            raise
        except DukanError as failure:
            asked.failure = failure
            raise
        finally:
            exchange.tap = None
            del self._asked[key_of(target)]
            asked.over.set()


def is_shared(inbound: Inbound) -> bool:
    """Whether everybody who asks this gets the same."""
    read = inbound.read
    return b"authorization" not in read and b"cookie" not in read and b"range" not in read and not inbound.body_length


async def give(exchange: Exchange, kept: Kept, now: float) -> None:
    """The kept answer, or 304 to a client that has it."""
    form = await _form(kept, exchange.inbound)
    headers = [*form.headers, *hit_headers(form, now)]
    metrics.CACHE_HITS.inc()
    if is_known(exchange.inbound.get(b"if-none-match"), kept.etag):
        await exchange.answer(304, of_304(headers), b"")
    else:
        await exchange.answer(200, headers, form.body)


async def _form(kept: Kept, inbound: Inbound) -> Kept:
    form, coding = kept.form_for(inbound), chosen(inbound)
    if form is not None or coding is None:
        return form or kept
    async with kept.packing:
        if coding.name not in kept.packed:
            kept.packed[coding.name] = await _packed(kept, coding)
    return kept.packed[coding.name]


async def _packed(kept: Kept, coding: Coding) -> Kept:
    body = await pack(coding, kept.body)
    headers = packed_headers(kept.headers, coding)
    return replace(kept, headers=headers, body=body, lines=_lines(headers, body))


def _lines(headers: Headers, body: bytes) -> bytes:
    return lines_of([*safe(headers), (b"content-length", b"%d" % len(body))])


def hit_headers(kept: Kept, now: float) -> Headers:
    return [(b"age", b"%d" % (now - kept.born)), (b"x-cache", b"hit")]


def of_304(headers: Headers) -> Headers:
    """Without what speaks of a body (RFC 9110, 15.4.5)."""
    return [pair for pair in headers if not pair[0].startswith(b"content-")]


class _Asked:
    """A request that is at a service while others wait for its answer."""

    def __init__(self) -> None:
        self.over = asyncio.Event()
        self.was_answered = False
        self.failure: DukanError | None = None


class _Purge:
    """Forgets a family before the client is told that something in it was changed, or may have been."""

    def __init__(self, cache: Cache, family: str) -> None:
        self._cache = cache
        self._family = family

    def begin(self, status: int, headers: Headers) -> None:  # noqa: ARG002
        # A refusal changed nothing: else anybody could keep the cache empty.
        if not 400 <= status < 500:
            self._cache.purge(self._family)

    def add(self, piece: bytes) -> None:
        pass


class _Copy:
    """Takes down an answer as it passes, up to `most` bytes of body."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._status = 0
        self._headers: Headers = ()
        self._pieces: list[bytes] = []
        self._size = 0

    def begin(self, status: int, headers: Headers) -> None:
        self._status, self._headers = status, headers

    def add(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size <= self._most:
            self._pieces.append(piece)
        else:
            self._pieces.clear()

    def kept(self, exchange: Exchange, route: Route, began: float) -> Kept | None:
        """What may be kept of it, None for nothing."""
        seconds = seconds_fresh(self._status, self._headers)
        if not seconds or self._size > self._most or exchange.method == "HEAD":
            return None
        body = b"".join(self._pieces)
        packs = route.compresses and can_pack(self._status, self._headers, len(body))
        dropped = (b"age", b"content-length")
        headers = [*(pair for pair in self._headers if pair[0] not in dropped), *((VARIES,) if packs else ())]
        return Kept(
            path=exchange.path,
            route=route,
            headers=headers,
            body=body,
            lines=_lines(headers, body),
            etag=next((value.decode("latin-1") for name, value in headers if name == b"etag"), None),
            vary=what_varies(self._headers, exchange.inbound),
            born=began - age(self._headers),
            until=began + seconds,
            can_pack=packs,
        )
