"""Forwards a request to its service and relays the response, both in bounded memory."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.types import Receive

from common.drain import Drain
from common.errors import BadGateway, GatewayTimeout, PayloadTooLarge
from gateway.credentials.connection_registry import ConnectionRegistry
from gateway.errors import ClientDisconnected
from gateway.http.context import CYCLE, RequestContext
from gateway.http.headers import Header, Headers, response_headers
from gateway.http.response import CLOSE, send_response, start_response, write_body
from gateway.http.target import target_of
from gateway.limits.bodies import BodyLimits
from gateway.limits.streams import StreamLimits, is_event_stream, is_long_lived
from gateway.proxy.connection import BrokenConnectionError, Connection
from gateway.proxy.disconnect import DisconnectWatcher
from gateway.proxy.event_stream import EventStream
from gateway.proxy.request_body import Pace, RequestBody
from gateway.proxy.upstream import Upstream, UpstreamRequest
from gateway.routing.routes import Route

EVENT_STREAM_IDLE_SECONDS = 90.0
"""How long an event stream may be silent: one and a half times the slowest heartbeat in use."""
CLIENT_READ_TIMEOUT_SECONDS = 60.0
"""How long a client may read nothing of a response; the same as nginx's `send_timeout`."""
OnUpgrade = Callable[[Connection], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Forwarder:
    """`upstreams` by service. `pace` and `bodies` limit request bodies; `upstream_idle_timeout` is the seconds that a
    service may pause in a response.

    `connections` ends the event streams of callers who lost their permission, `streams` limits long-lived responses,
    `drain` ends all streams before the process stops.
    """

    upstreams: Mapping[str, Upstream]
    max_body_bytes: int
    pace: Pace
    bodies: BodyLimits
    upstream_idle_timeout: float
    connections: ConnectionRegistry
    streams: StreamLimits
    drain: Drain

    async def forward(
        self, context: RequestContext, route: Route, receive: Receive, *, on_upgrade: OnUpgrade | None = None
    ) -> None:
        """Send the request to the route's service and relay the response unchanged; a 101 goes to `on_upgrade`."""
        watcher = DisconnectWatcher(receive)
        body = self._body(context, route, receive, watcher)
        try:
            request = _upstream_request(context, route, body, upgrades=on_upgrade is not None)
            upstream = self.upstreams[route.service]
            async with _sent(upstream, request) as response:
                if response.status == 101 and on_upgrade is not None:
                    # From here on the tunnel notices when the client disconnects.
                    watcher.stop()
                    upstream.release_slot(response)
                    await on_upgrade(response)
                elif response.is_complete or not is_long_lived(response.headers):
                    await self._relay(context, response, await _connection_headers(response, body))
                else:
                    with self.streams.slot(context, route):
                        upstream.release_slot(response)
                        await self._relay(context, response, await _connection_headers(response, body))
            # The server reports a disconnect after each complete response: ignore it.
            watcher.stop()
        except asyncio.CancelledError:
            if not watcher.disconnected:
                raise
            raise ClientDisconnected from None
        except PayloadTooLarge:
            await body.discard()
            raise
        finally:
            watcher.stop()
            body.release()

    def _body(self, context: RequestContext, route: Route, receive: Receive, watcher: DisconnectWatcher) -> RequestBody:
        cycle = context.scope.get(CYCLE)
        return RequestBody(
            receive,
            context.headers.body_length,
            watcher.start,
            has_arrived=cycle is not None and not cycle.more_body,
            max_bytes=route.body_limit or self.max_body_bytes,
            pace=self.pace,
            limits=self.bodies,
            address=context.client.key,
        )

    async def _relay(self, context: RequestContext, response: Connection, extra: Headers) -> None:
        """Relay piece by piece: `write_body` waits while the client's connection is full, which slows the service."""
        headers = [*response_headers(response.headers, response.status), *extra]
        if response.is_complete:
            await send_response(context, response.status, headers, await response.read())
            return
        await start_response(context, response.status, headers)
        if is_event_stream(headers):
            context.start_streaming(response.status)
            with (
                self.connections.registered(context.identity, context.renew, lambda _: response.end_response()),
                self.drain.ending(response.end_response),
            ):
                await self._copy_events(context, response)
        else:
            await _copy(context, response, self.upstream_idle_timeout)

    async def _copy_events(self, context: RequestContext, response: Connection) -> None:
        stream = EventStream()
        idle_timeout = max(self.upstream_idle_timeout, EVENT_STREAM_IDLE_SECONDS)
        await _copy(context, response, idle_timeout, stream.feed, complete=False)
        await write_body(context, stream.farewell() if self.drain.has_begun else b"")


@asynccontextmanager
async def _sent(upstream: Upstream, request: UpstreamRequest) -> AsyncIterator[Connection]:
    """The connection with the response; time-outs and broken connections in the block become gateway errors."""
    response = await upstream.send(request)
    try:
        yield response
    except TimeoutError as error:
        raise GatewayTimeout from error
    except BrokenConnectionError as error:
        raise BadGateway from error
    finally:
        upstream.release(response)


async def _copy(
    context: RequestContext,
    response: Connection,
    idle_timeout: float,
    on_piece: Callable[[bytes], None] | None = None,
    *,
    complete: bool = True,
) -> None:
    """Relay the body to its end; without `complete` the caller writes the last piece."""
    piece = b"start"
    while piece:
        async with asyncio.timeout(idle_timeout):
            piece = await response.read()
        if on_piece is not None:
            on_piece(piece)
        try:
            async with asyncio.timeout(CLIENT_READ_TIMEOUT_SECONDS):
                if piece or complete:
                    await write_body(context, piece, more=bool(piece))
        except TimeoutError:
            context.abort()
            raise ClientDisconnected from None


async def _connection_headers(response: Connection, body: RequestBody) -> Headers:
    """`Connection: close` if the service responded before it read the whole body: it may not want the rest.

    Otherwise the client would continue to send, and the rest of the body would have no reader.
    """
    if not body.is_streamed:
        return []
    if response.is_complete:
        await response.stop_sending()
        await body.discard()
    return [CLOSE]


def _upstream_request(context: RequestContext, route: Route, body: RequestBody, *, upgrades: bool) -> UpstreamRequest:
    headers = [*context.headers.forwarded, *_gateway_headers(context)]
    target = target_of(context.scope)
    return UpstreamRequest(context.method, target, headers, body, route.timeout, upgrades, context.caller)


def _gateway_headers(context: RequestContext) -> Iterator[Header]:
    """The headers that the gateway sets itself."""
    client, origin = context.client, context.origin
    yield b"x-request-id", origin.correlation_id.encode()
    # One address, not the chain: a service that trusts other proxies would take another client from it.
    yield b"x-forwarded-for", client.ip.encode()
    yield b"x-forwarded-proto", client.proto.encode()
    yield b"x-forwarded-host", context.headers.known[b"host"].encode()
    if origin.traceparent:
        yield b"traceparent", origin.traceparent.encode()
    if origin.tracestate:
        yield b"tracestate", origin.tracestate.encode()
