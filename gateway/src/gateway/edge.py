"""The hot path: judge a request, find its service, check who calls, pass it on, bring back the answer."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from opentelemetry.trace import SpanKind
from starlette.types import Receive, Scope, Send

from common import logs, telemetry
from common.errors import DukanError, NotFound
from common.web.access_log import origin_of
from common.web.error_responses import crash_response
from gateway.clients import Clients
from gateway.cors import Cors
from gateway.errors import ClientLeft
from gateway.exchange import CLOSING, CUT_OFF, WRITE_WHOLE, Exchange
from gateway.headers import HeaderLimits, read_headers
from gateway.identity import Gatekeeper
from gateway.observe import Observer
from gateway.paths import check_path, check_query
from gateway.routes import RouteTable
from gateway.sharing import Sharing
from gateway.sockets import TAKE_OVER, Sockets, asks_for_socket
from gateway.throttle import Throttle

log = logging.getLogger(__name__)

SIGNS_IN = "auth"
"""The one service that has to do with cookies."""

Page = Callable[[Exchange], Awaitable[None]]


@dataclass(slots=True)
class Edge:
    """Answers HTTP requests: the gateway's own `pages` by exact path, everything else through the route table."""

    header_limits: HeaderLimits
    clients: Clients
    cors: Cors
    throttle: Throttle
    pages: Mapping[str, Page]
    routes: RouteTable
    gatekeeper: Gatekeeper
    sharing: Sharing
    sockets: Sockets
    observer: Observer

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        logs.serving.set("gateway")
        exchange = Exchange(scope, send)
        with telemetry.span("gateway", "http", origin_of(scope["headers"]), SpanKind.SERVER) as origin:
            exchange.origin = origin
            try:
                await self._serve(exchange, receive)
            except DukanError as refusal:
                await self._refuse(exchange, refusal)
            except ClientLeft:
                exchange.status = 499
            except Exception as error:
                await self._crashed(exchange, error)
            finally:
                # They lead back to the request: every one would wait for the collector of cycles, a stall of 70 ms.
                for way_back in (WRITE_WHOLE, TAKE_OVER, CUT_OFF):
                    scope.pop(way_back, None)
                self.observer.saw(exchange, exchange.seconds)

    async def _serve(self, exchange: Exchange, receive: Receive) -> None:
        self._judge(exchange)
        if exchange.method == "OPTIONS" and await self._preflight(exchange):
            return
        self.throttle.admit(exchange)
        if (page := self.pages.get(exchange.path)) is not None:
            await page(exchange)
            return
        exchange.route = route = self.routes.find(exchange.path)
        if route is None:
            raise NotFound("There is nothing at this path")
        self.throttle.admit_route(exchange)
        is_socket = route.websocket and asks_for_socket(exchange)
        if is_socket:
            self.sockets.judge(exchange.inbound)
        if route.checks_identity:
            identity = await self.gatekeeper.check(exchange.inbound, exchange.method, exchange.client)
            if identity is not None:
                exchange.identity, exchange.user_id = identity, identity.user_id
                exchange.renewal = self.gatekeeper.renewal(exchange.inbound, exchange.client, identity)
                self.throttle.admit_credential(exchange, identity.user_id)
        self.throttle.admit_write(exchange)
        await self.throttle.admit_everywhere(exchange)
        if b"cookie" in exchange.inbound.read and route.service != SIGNS_IN:
            exchange.inbound.drop(b"cookie")
        if is_socket:
            await self.sockets.join(exchange, route, receive)
        else:
            await self.sharing.forward(exchange, route, receive)
        await self.throttle.settle(exchange)

    def _judge(self, exchange: Exchange) -> None:
        """Take in what the client sent, or refuse it as malformed."""
        scope = exchange.scope
        exchange.inbound = read_headers(scope["headers"], self.header_limits)
        peer = scope["client"][0] if scope.get("client") else None
        exchange.client = self.clients.identify(peer, scope["scheme"], exchange.inbound)
        exchange.extra.extend(self.cors.headers(exchange.inbound.get(b"origin")))
        if TAKE_OVER in scope:
            # Its parser cannot go on after a request to upgrade, whatever becomes of that.
            exchange.extra.append(CLOSING)
        # Last, so that the log names who tried.
        check_path(scope["raw_path"], exchange.path)
        check_query(scope["query_string"])

    async def _preflight(self, exchange: Exchange) -> bool:
        """Answer a browser's question whether a page may call; other OPTIONS requests are the service's."""
        origin = exchange.inbound.get(b"origin")
        asks = any(name == b"access-control-request-method" for name, _ in exchange.scope["headers"])
        if origin is None or not asks:
            return False
        exchange.extra = self.cors.preflight(origin)
        await exchange.begin(204, [])
        await exchange.write(b"")
        return True

    async def _refuse(self, exchange: Exchange, refusal: DukanError) -> None:
        if exchange.status:
            log.warning("an answer was cut off: %s", refusal.code)
            return
        await exchange.refuse(refusal)

    async def _crashed(self, exchange: Exchange, error: Exception) -> None:
        response = crash_response(error)
        if not exchange.status:
            headers = [pair for pair in response.raw_headers if pair[0] != b"content-length"]
            await exchange.answer(response.status_code, headers, bytes(response.body))
