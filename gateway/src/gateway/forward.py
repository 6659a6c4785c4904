"""Passing a request on and its answer back, both in bounded memory."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass

from pyreqwest.exceptions import RequestError
from pyreqwest.response import Response
from starlette.types import Receive

from gateway.body import BUFFERED, Body
from gateway.clients import UNKNOWN
from gateway.errors import BadGateway, ClientLeft, GatewayTimeout
from gateway.exchange import Exchange
from gateway.headers import answer_headers
from gateway.presence import Presence
from gateway.routes import Route
from gateway.upstream import Question, Upstream

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Forwarder:
    """`upstreams` by service. Idle times in seconds: how long a client or a service may pause in the middle."""

    upstreams: Mapping[str, Upstream]
    body_limit: int
    client_idle: float
    upstream_idle: float

    async def forward(self, exchange: Exchange, receive: Receive) -> None:
        """Ask the route's service and relay what it answers, untouched whatever its status."""
        route = exchange.route
        if route is None:
            raise LookupError("only a routed exchange can be forwarded")
        presence = Presence(receive)
        try:
            body = self._body(exchange, route, receive, presence)
            async with self.upstreams[route.service].ask(_question(exchange, route, body)) as response:
                await self._relay(exchange, response)
                # A finished answer makes the server report a disconnect: nobody left.
                presence.end()
        except asyncio.CancelledError:
            if not presence.left:
                raise
            raise ClientLeft from None
        finally:
            presence.end()

    def _body(self, exchange: Exchange, route: Route, receive: Receive, presence: Presence) -> Body:
        limit = route.body_limit or self.body_limit
        return Body(receive, exchange.inbound.body_length, presence, limit=limit, idle=self.client_idle)

    async def _relay(self, exchange: Exchange, response: Response) -> None:
        headers = answer_headers(response.headers.items(), response.status)
        length = response.get_header("content-length")
        try:
            if length is not None and int(length) <= BUFFERED:
                async with asyncio.timeout(self.upstream_idle):
                    body = await response.body_reader.bytes()
                await exchange.begin(response.status, headers)
                await exchange.write(bytes(body))
            else:
                await exchange.begin(response.status, headers)
                await self._stream(exchange, response)
        except TimeoutError as error:
            raise GatewayTimeout from error
        except RequestError as error:
            raise BadGateway from error

    async def _stream(self, exchange: Exchange, response: Response) -> None:
        """Chunk by chunk: `write` waits while the client's connection is full, and so the service's fills up too."""
        reader = response.body_reader
        while True:
            async with asyncio.timeout(self.upstream_idle):
                chunk = await reader.read_chunk()
            await exchange.write(bytes(chunk) if chunk is not None else b"", more=chunk is not None)
            if chunk is None:
                return


def _question(exchange: Exchange, route: Route, body: Body) -> Question:
    query: bytes = exchange.scope["query_string"]
    raw_path: bytes = exchange.scope["raw_path"]
    target = (raw_path + b"?" + query if query else raw_path).decode("ascii")
    client, origin = exchange.client, exchange.origin
    headers = exchange.inbound.passed
    headers.append(("x-request-id", origin.correlation_id))
    headers.append(("x-forwarded-for", client.chain if client else UNKNOWN))
    headers.append(("x-forwarded-proto", client.proto if client else "http"))
    headers.append(("x-forwarded-host", exchange.inbound.get(b"host") or UNKNOWN))
    if origin.traceparent:
        headers.append(("traceparent", origin.traceparent))
    if origin.tracestate:
        headers.append(("tracestate", origin.tracestate))
    return Question(exchange.method, target, headers, body, route.timeout)
