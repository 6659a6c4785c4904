"""Passing a request on and its answer back, both in bounded memory."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.types import Receive

from gateway.body import Body
from gateway.connection import BrokenError, Connection
from gateway.errors import BadGateway, BodyTooLarge, ClientLeft, GatewayTimeout
from gateway.exchange import CLOSING, Exchange
from gateway.headers import Headers, answer_headers
from gateway.held import Held
from gateway.presence import Presence
from gateway.routes import Route
from gateway.streams import Streams, has_events, lasts
from gateway.upstream import Question, Upstream

EVENTS_IDLE = 90.0
"""Seconds that a stream of events may be silent: half as long again as the slowest heartbeat in use."""
TAKEN_WITHIN = 60.0
"""Seconds that a client may take nothing of an answer; nginx waits as long."""
Upgraded = Callable[[Connection], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Forwarder:
    """`upstreams` by service. Idle times in seconds: how long a client or a service may pause in the middle.

    `held` ends the streams of events of callers who may no longer see them, `streams` counts what lasts.
    """

    upstreams: Mapping[str, Upstream]
    body_limit: int
    client_idle: float
    upstream_idle: float
    held: Held
    streams: Streams

    async def forward(
        self, exchange: Exchange, route: Route, receive: Receive, *, upgraded: Upgraded | None = None
    ) -> None:
        """Ask the route's service and relay what it answers, untouched whatever its status; a 101 to `upgraded`."""
        presence = Presence(receive)
        limit = route.body_limit or self.body_limit
        body = Body(receive, exchange.inbound.body_length, presence, limit=limit, idle=self.client_idle)
        try:
            question = _question(exchange, route, body, upgrades=upgraded is not None)
            upstream = self.upstreams[route.service]
            async with self._asking(upstream, question) as answer:
                if answer.status == 101 and upgraded is not None:
                    # From here on the tunnel knows when the client leaves.
                    presence.end()
                    upstream.excuse(answer)
                    await upgraded(answer)
                elif answer.is_complete or not lasts(answer.headers):
                    await self._relay(exchange, answer, await _closing(answer, body))
                else:
                    with self.streams.opened(exchange, route):
                        upstream.excuse(answer)
                        await self._relay(exchange, answer, await _closing(answer, body))
            # A finished answer makes the server report a disconnect: nobody left.
            presence.end()
        except asyncio.CancelledError:
            if not presence.left:
                raise
            raise ClientLeft from None
        except BodyTooLarge:
            await body.discard()
            raise
        finally:
            presence.end()

    @asynccontextmanager
    async def _asking(self, upstream: Upstream, question: Question) -> AsyncIterator[Connection]:
        answer = await upstream.ask(question)
        try:
            yield answer
        except TimeoutError as error:
            raise GatewayTimeout from error
        except BrokenError as error:
            raise BadGateway from error
        finally:
            upstream.release(answer)

    async def _relay(self, exchange: Exchange, answer: Connection, closing: Headers) -> None:
        """Piece by piece: `write` waits while the client's connection is full, and so the service's fills up too."""
        headers = [*answer_headers(answer.headers, answer.status), *closing]
        if answer.is_complete:
            await exchange.answer(answer.status, headers, await answer.read())
            return
        await exchange.begin(answer.status, headers)
        if has_events(headers):
            exchange.hold(answer.status)
            with self.held.holding(exchange.identity, exchange.renewal, lambda _: answer.finish()):
                await _pour(exchange, answer, max(self.upstream_idle, EVENTS_IDLE))
        else:
            await _pour(exchange, answer, self.upstream_idle)


async def _pour(exchange: Exchange, answer: Connection, idle: float) -> None:
    piece = b"more"
    while piece:
        async with asyncio.timeout(idle):
            piece = await answer.read()
        try:
            async with asyncio.timeout(TAKEN_WITHIN):
                await exchange.write(piece, more=bool(piece))
        except TimeoutError:
            exchange.cut_off()
            raise ClientLeft from None


async def _closing(answer: Connection, body: Body) -> Headers:
    """A service that answers before it has the whole body may want no more of it: the client's connection then ends.

    Otherwise the client would send on, and what it sends would be nobody's.
    """
    if not body.streams:
        return []
    if answer.is_complete:
        await answer.stop_sending()
        await body.discard()
    return [CLOSING]


def _question(exchange: Exchange, route: Route, body: Body, *, upgrades: bool) -> Question:
    headers = [*exchange.inbound.passed, *_ours(exchange)]
    return Question(exchange.method, target_of(exchange), headers, body, route.timeout, upgrades, exchange.caller)


def target_of(exchange: Exchange) -> bytes:
    """Path and query as they were sent."""
    query: bytes = exchange.scope["query_string"]
    path: bytes = exchange.scope["raw_path"]
    return path + b"?" + query if query else path


def _ours(exchange: Exchange) -> Iterator[tuple[bytes, bytes]]:
    """What the gateway says about the request."""
    client, origin = exchange.client, exchange.origin
    yield b"x-request-id", origin.correlation_id.encode()
    # Not the whole chain: a service that trusted other proxies than we do would find another client in it.
    yield b"x-forwarded-for", client.ip.encode()
    yield b"x-forwarded-proto", client.proto.encode()
    yield b"x-forwarded-host", exchange.inbound.read[b"host"].encode()
    if origin.traceparent:
        yield b"traceparent", origin.traceparent.encode()
    if origin.tracestate:
        yield b"tracestate", origin.tracestate.encode()
