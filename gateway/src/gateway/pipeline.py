"""The request pipeline: check, limit, route, authenticate, forward or serve a page."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass

from opentelemetry.trace import SpanKind
from starlette.types import Receive, Scope, Send

from common import logs, telemetry
from common.drain import Drain
from common.errors import DukanError, MethodNotImplemented, NotFound, Stopping
from common.web.access_log import NO_STORE, origin_of
from common.web.error_responses import crash_response
from common.web.methods import METHODS, STANDARD_METHODS
from common.web.request_rules import WHOLE_SERVER
from common.web.server_protocol import REJECTION
from gateway.cache.forwarder import CachingForwarder
from gateway.credentials.authenticator import Authenticator
from gateway.errors import ClientDisconnected
from gateway.http.access_log import AccessLog
from gateway.http.context import UPGRADE, RequestContext
from gateway.http.inspection import RequestInspector
from gateway.http.response import CLOSE, CONTENT_LENGTH, send_error, send_response, start_response, write_body
from gateway.http.target import check_path, check_query
from gateway.limits.throttle import Throttle
from gateway.pages.page import Page
from gateway.proxy.websockets import WebSockets, is_upgrade
from gateway.routing.table import RouteTable

log = logging.getLogger(__name__)

COOKIE_SERVICE = "auth"
"""The only service that gets cookies."""


@dataclass(slots=True)
class Pipeline:
    """Serves HTTP requests: `pages` by exact path, everything else through the route table."""

    inspector: RequestInspector
    throttle: Throttle
    pages: Mapping[str, Page]
    routes: RouteTable
    authenticator: Authenticator
    forwarder: CachingForwarder
    websockets: WebSockets
    access_log: AccessLog
    drain: Drain

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        logs.service_name.set("gateway")
        context = RequestContext(scope, send)
        with telemetry.span("gateway", "http", origin_of(scope["headers"]), SpanKind.SERVER) as origin:
            context.origin = origin
            try:
                await self._serve(context, receive)
            except DukanError as error:
                await _send_error(context, error)
            except ClientDisconnected:
                context.status = 499
            except Exception as error:
                await _send_crash(context, error)
            except asyncio.CancelledError:
                # The server cuts off what is left when the time to drain is over, and would answer 500 in plain text.
                if context.status or not self.drain.has_begun:
                    raise
                await send_error(context, Stopping())
            finally:
                context.release()
                self.access_log.record(context, context.seconds)

    async def _serve(self, context: RequestContext, receive: Receive) -> None:
        self._inspect(context)
        if context.method == "OPTIONS" and await self._respond_to_options(context):
            return
        self.throttle.admit(context)
        if (page := self.pages.get(context.path)) is not None:
            await page(context)
            return
        context.route = route = self.routes.find(context.path)
        if route is None:
            raise NotFound
        self.throttle.admit_sign_in(context)
        upgrades = route.websocket and is_upgrade(context)
        if upgrades:
            self.websockets.check(context.headers)
        if route.checks_identity:
            await self._authenticate(context)
        self.throttle.admit_write(context)
        await self.throttle.admit_shared(context)
        if b"cookie" in context.headers.known and route.service != COOKIE_SERVICE:
            context.headers.remove(b"cookie")
        if upgrades:
            await self.websockets.connect(context, route, receive)
        else:
            await self.forwarder.forward(context, route, receive)
        await self.throttle.count_failed_sign_in(context)

    def _inspect(self, context: RequestContext) -> None:
        """Check headers, method and target. Raises a BadRequest, HeadersTooLarge, MethodNotImplemented, UriTooLong."""
        self.inspector.inspect(context)
        scope = context.scope
        if REJECTION in scope:
            raise scope[REJECTION]
        if context.method not in STANDARD_METHODS:
            raise MethodNotImplemented
        if UPGRADE in scope or self.drain.has_begun:
            # The server's parser cannot continue after a request for an upgrade, even if the upgrade is rejected.
            context.response_headers.append(CLOSE)
        # After the client is identified, so that the log names it.
        if context.path != WHOLE_SERVER:
            check_path(scope["raw_path"], context.path)
        check_query(scope["query_string"])

    async def _respond_to_options(self, context: RequestContext) -> bool:
        """Respond to a browser's CORS preflight or to `OPTIONS *`; others go to the page or service."""
        if context.path == WHOLE_SERVER:
            await send_response(context, 204, [(b"allow", ", ".join(METHODS).encode())], b"")
            return True
        origin = context.headers.get(b"origin")
        asks_for_method = any(name == b"access-control-request-method" for name, _ in context.scope["headers"])
        if origin is None or not asks_for_method:
            return False
        context.response_headers = self.inspector.cors.preflight_headers(origin)
        await start_response(context, 204, [])
        await write_body(context, b"")
        return True

    async def _authenticate(self, context: RequestContext) -> None:
        identity = await self.authenticator.authenticate(context.headers, context.method, context.client)
        if identity is not None:
            context.identity, context.user_id = identity, identity.user_id
            context.renew = self.authenticator.renewal(context.headers, context.client, identity)
            self.throttle.admit_credential(context, identity.user_id)


async def _send_error(context: RequestContext, error: DukanError) -> None:
    if context.status:
        log.warning("a response was cut off: %s", error.code)
        return
    await send_error(context, error)


async def _send_crash(context: RequestContext, error: Exception) -> None:
    response = crash_response(error)
    if not context.status:
        headers = [*(pair for pair in response.raw_headers if pair[0] != CONTENT_LENGTH), NO_STORE]
        await send_response(context, response.status_code, headers, bytes(response.body))
