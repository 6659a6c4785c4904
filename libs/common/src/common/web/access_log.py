"""The outermost ASGI middleware of a service: request id and trace, access log and metrics.

Pure ASGI, because every request passes through it: Starlette's BaseHTTPMiddleware costs more than most routes.
"""

import asyncio
import logging
import re
import time
from collections.abc import Iterable, Sequence
from functools import lru_cache

from fastapi import Response
from opentelemetry.trace import SpanKind
from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common import logs, metrics, telemetry
from common.context import Origin
from common.drain import Drain
from common.errors import Stopping
from common.ids import new_request_id
from common.web.error_responses import Recognise, crash_response, error_response
from common.web.server_protocol import REJECTION
from common.web.trace_context import read_trace_context

log = logging.getLogger("dukan.access")

REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{8,128}")
ORIGIN = frozenset((b"x-request-id", b"traceparent", b"tracestate"))
METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
CACHE_CONTROL = b"cache-control"
NO_STORE = (CACHE_CONTROL, b"no-store")
"""For responses that do not say it themselves. They may be private, and a cache may store a 200, 404 or 410 for a while
even if nothing allows it (RFC 9111, 4.2.2). `private, no-cache` would let browsers store them, which helps only if a
validator can make them fresh again; they have none.
"""
SLOW_SECONDS = 5.0
"""Responses that took at least this long are logged at INFO."""


class AccessLogMiddleware:
    """Gives every request an origin, and every response its request id, a log line and a count."""

    def __init__(self, app: ASGIApp, service: str, drain: Drain, recognise: Recognise | None = None) -> None:
        self.app = app
        self._service = service
        self._drain = drain
        self._recognise = recognise

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        logs.service_name.set(self._service)
        scope["path"] = scope["path"].rstrip("/") or "/"
        with telemetry.span(self._service, scope["type"], origin_of(scope["headers"]), SpanKind.SERVER) as origin:
            if scope["type"] == "http":
                app = error_response(scope[REJECTION]) if REJECTION in scope else self.app
                request = _RequestScope(self._service, origin, send, self._drain, self._recognise)
                await request.run(app, scope, receive)
            else:
                await self.app(scope, receive, send)


class _RequestScope:
    """One request and its response."""

    def __init__(self, service: str, origin: Origin, send: Send, drain: Drain, recognise: Recognise | None) -> None:
        self._service = service
        self._drain = drain
        self._recognise = recognise
        self._send = send
        self._headers = [(b"x-request-id", origin.correlation_id.encode())]
        if origin.traceparent:
            self._headers.append((b"traceparent", origin.traceparent.encode()))
        self._started = time.perf_counter()
        self._status = 0

    async def run(self, app: ASGIApp, scope: Scope, receive: Receive) -> None:
        try:
            await app(scope, receive, self._forward)
        except Exception as error:
            await self._respond_to_crash(error, scope, receive)
        except asyncio.CancelledError:
            # The server cuts off what is left when the time to drain is over, and would answer 500 in plain text.
            if self._status or not self._drain.has_begun:
                raise
            await error_response(Stopping())(scope, receive, self._forward)
        finally:
            self._observe(scope, time.perf_counter() - self._started)

    async def _forward(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            headers = message.get("headers", ())
            message["headers"] = [*headers, *self._headers]
            if CACHE_CONTROL not in [pair[0] for pair in headers]:
                message["headers"].append(NO_STORE)
            if self._drain.has_begun:
                # So that no client sends its next request on a connection that is about to be closed.
                message["headers"].append((b"connection", b"close"))
        await self._send(message)

    async def _respond_to_crash(self, error: Exception, scope: Scope, receive: Receive) -> None:
        response: Response = crash_response(error, self._recognise)
        if self._status:
            raise error  # the response has begun: only a closed connection can tell the client
        await response(scope, receive, self._forward)

    def _observe(self, scope: Scope, seconds: float) -> None:
        method = scope["method"] if scope["method"] in METHODS else "OTHER"
        # The template, not the path: paths may hold one-time tokens, and would make a metric per id.
        route = getattr(scope.get("route"), "path_format", "unmatched")
        status = self._status or 499
        requests, duration = _meters(self._service, method, route, status)
        requests.inc()
        duration.observe(seconds)
        attributes = {"http.request.method": method, "http.route": route, "http.response.status_code": status}
        telemetry.rename(f"{method} {route}", attributes, failed=status >= 500)
        level = _level(status, seconds)
        if log.isEnabledFor(level):
            log.log(level, "%s %s %d", method, route, status, extra=_access(scope, seconds, status))


@lru_cache(maxsize=4096)
def _meters(service: str, method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    requests = metrics.REQUESTS.labels(service, method, route, status)
    return requests, metrics.REQUEST_SECONDS.labels(service, method, route)


def origin_of(headers: Iterable[tuple[bytes, bytes]]) -> Origin:
    """The origin of a request by its headers; a malformed or doubtful header is replaced, never passed on."""
    found = [pair for pair in headers if pair[0] in ORIGIN]
    if not found:
        return Origin(new_request_id(), traceparent=telemetry.new_traceparent())
    traceparents = _values(found, b"traceparent")
    trace = read_trace_context(traceparents, _values(found, b"tracestate")) if traceparents else None
    return Origin(
        correlation_id=_request_id(_values(found, b"x-request-id")),
        traceparent=trace.traceparent if trace else telemetry.new_traceparent(),
        tracestate=trace.tracestate if trace else None,
    )


def _values(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> list[bytes]:
    return [value for found, value in headers if found == name]


def _request_id(values: Sequence[bytes]) -> str:
    return values[0].decode() if len(values) == 1 and REQUEST_ID.fullmatch(values[0]) else new_request_id()


def _level(status: int, seconds: float) -> int:
    """DEBUG for ordinary responses: the gateway logs every request, and a line here costs an eighth of a request."""
    if status >= 500:
        return logging.WARNING
    return logging.INFO if status >= 400 or seconds >= SLOW_SECONDS else logging.DEBUG


def _access(scope: Scope, seconds: float, status: int) -> dict[str, object]:
    identity = scope.get("state", {}).get("identity")
    client = scope.get("client")
    return {
        "status": status,
        "duration_ms": round(seconds * 1000, 1),
        "client": client[0] if client else None,
        "user_id": str(identity.user_id) if identity else None,
    }
