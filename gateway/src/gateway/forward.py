"""Passing a request on and its answer back, both in bounded memory."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from starlette.types import Receive

from gateway.body import Body
from gateway.connection import BrokenError, Connection
from gateway.errors import BadGateway, BodyTooLarge, ClientLeft, GatewayTimeout
from gateway.exchange import CLOSING, Exchange
from gateway.headers import Headers, answer_headers
from gateway.presence import Presence
from gateway.routes import Route
from gateway.upstream import Question, Upstream


@dataclass(frozen=True, slots=True)
class Forwarder:
    """`upstreams` by service. Idle times in seconds: how long a client or a service may pause in the middle."""

    upstreams: Mapping[str, Upstream]
    body_limit: int
    client_idle: float
    upstream_idle: float

    async def forward(self, exchange: Exchange, route: Route, receive: Receive) -> None:
        """Ask the route's service and relay what it answers, untouched whatever its status."""
        presence = Presence(receive)
        limit = route.body_limit or self.body_limit
        body = Body(receive, exchange.inbound.body_length, presence, limit=limit, idle=self.client_idle)
        try:
            await self._exchange(exchange, self.upstreams[route.service], _question(exchange, route, body))
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

    async def _exchange(self, exchange: Exchange, upstream: Upstream, question: Question) -> None:
        answer = await upstream.ask(question)
        try:
            await self._relay(exchange, answer, await _closing(answer, question.body))
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
        while True:
            async with asyncio.timeout(self.upstream_idle):
                piece = await answer.read()
            await exchange.write(piece, more=bool(piece))
            if not piece:
                return


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


def _question(exchange: Exchange, route: Route, body: Body) -> Question:
    headers = [*exchange.inbound.passed, *_ours(exchange)]
    return Question(exchange.method, target_of(exchange), headers, body, route.timeout)


def target_of(exchange: Exchange) -> bytes:
    """Path and query as they were sent."""
    query: bytes = exchange.scope["query_string"]
    path: bytes = exchange.scope["raw_path"]
    return path + b"?" + query if query else path


def _ours(exchange: Exchange) -> Iterator[tuple[bytes, bytes]]:
    """What the gateway says about the request."""
    client, origin = exchange.client, exchange.origin
    yield b"x-request-id", origin.correlation_id.encode()
    yield b"x-forwarded-for", client.chain.encode()
    yield b"x-forwarded-proto", client.proto.encode()
    yield b"x-forwarded-host", exchange.inbound.read[b"host"].encode()
    if origin.traceparent:
        yield b"traceparent", origin.traceparent.encode()
    if origin.tracestate:
        yield b"tracestate", origin.tracestate.encode()
