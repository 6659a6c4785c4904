"""What is recorded of each request: metrics, an entry in the request log, a log line if something went wrong."""

import logging
from typing import NamedTuple

from opentelemetry.util.types import AttributeValue
from prometheus_client import Counter, Histogram

from common import metrics, telemetry
from common.web.access_log import METHODS
from gateway.http.context import RequestContext
from gateway.http.request_log import Entry, RequestLog, log_entry

log = logging.getLogger("dukan.access")

UNLOGGED_PATHS = frozenset(("/health", "/health/live", "/health/ready", "/metrics"))
CLIENT_CLOSED_REQUEST = 499
"""nginx's status for requests whose client left before the response."""
SLOW_SECONDS = 5.0
"""Requests that take longer get a log line."""


class AccessLog:
    def __init__(self, request_log: RequestLog) -> None:
        self._request_log = request_log
        # Looking up a labelled metric costs ten times as much as incrementing it.
        self._series_by_key: dict[tuple[str, str, int], _Series] = {}

    def record(self, context: RequestContext, seconds: float) -> None:
        """Record a request that is over."""
        status = context.status or CLIENT_CLOSED_REQUEST
        series = self._series(context, status)
        series.requests.inc()
        series.seconds.observe(seconds)
        if telemetry.is_on("gateway"):
            _name_span(context, status)
        if context.path in UNLOGGED_PATHS:
            return
        self._request_log.add(_entry(context, status, seconds))
        if status >= 500 or seconds >= SLOW_SECONDS:
            extra = {"status": status, "duration_ms": round(seconds * 1000, 1)}
            log.warning("%s %s %d", context.method, context.path, status, extra=extra)

    def record_cache_hit(self, context: RequestContext, seconds: float) -> None:
        """Record a response from the cache. There may be thousands a second, so equal ones share an entry."""
        series = self._series(context, context.status)
        series.requests.inc()
        series.seconds.observe(seconds)
        user_agent = context.headers.get(b"user-agent")
        group = (context.path, context.method, context.status, context.client.ip, user_agent)
        if not self._request_log.add_to_group(group):
            self._request_log.add(_entry(context, context.status, seconds), group)

    def _series(self, context: RequestContext, status: int) -> "_Series":
        method = context.method if context.method in METHODS else "OTHER"
        route = context.route.prefix if context.route else "own"
        key = (method, route, status)
        if key not in self._series_by_key:
            requests = metrics.REQUESTS.labels("gateway", method, route, status)
            self._series_by_key[key] = _Series(requests, metrics.REQUEST_SECONDS.labels("gateway", method, route))
        return self._series_by_key[key]


class _Series(NamedTuple):
    requests: Counter
    seconds: Histogram


def _name_span(context: RequestContext, status: int) -> None:
    # The route, not the path: paths hold ids, and a name per id cannot be searched for.
    route = context.route.prefix if context.route else "own"
    attributes: dict[str, AttributeValue] = {
        "http.request.method": context.method,
        "http.route": route,
        "http.response.status_code": status,
    }
    telemetry.rename(f"{context.method} {route}", attributes, failed=status >= 500)


def _entry(context: RequestContext, status: int, seconds: float) -> Entry:
    return log_entry(
        request_id=context.origin.correlation_id,
        method=context.method,
        path=context.path,
        status=status,
        seconds=seconds,
        service=context.route.service if context.route else None,
        user_id=context.user_id,
        ip=context.client.ip,
        user_agent=context.headers.get(b"user-agent"),
    )
