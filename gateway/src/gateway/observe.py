"""What is kept of each exchange: metrics, an entry in the request log, a line when something went wrong."""

import logging
from typing import NamedTuple

from prometheus_client import Counter, Histogram

from common import metrics, telemetry
from common.web.access_log import METHODS
from gateway.exchange import Exchange
from gateway.request_log import Entry, RequestLog, logged

log = logging.getLogger("dukan.access")

QUIET = frozenset(("/health", "/health/live", "/health/ready", "/metrics"))
SLOW = 5.0
"""Seconds from which an answered request is worth a line."""


class Observer:
    def __init__(self, request_log: RequestLog) -> None:
        self._request_log = request_log
        # Looking up a labelled metric costs ten times what counting does.
        self._known: dict[tuple[str, str, int], _Series] = {}

    def saw(self, exchange: Exchange, seconds: float) -> None:
        """Take note of an exchange that is over; one that nobody waited for any more counts as 499."""
        status = exchange.status or 499
        series = self._series(exchange, status)
        series.requests.inc()
        series.seconds.observe(seconds)
        if exchange.path in QUIET:
            return
        self._request_log.add(_entry(exchange, status, seconds))
        if status >= 500 or seconds >= SLOW:
            telemetry.rename(f"{exchange.method} {exchange.path}", {}, failed=status >= 500)
            extra = {"status": status, "duration_ms": round(seconds * 1000, 1)}
            log.warning("%s %s %d", exchange.method, exchange.path, status, extra=extra)

    def gave(self, exchange: Exchange, seconds: float) -> None:
        """Take note of an answer from memory. There may be many a second, and the like of them share an entry."""
        series = self._series(exchange, exchange.status)
        series.requests.inc()
        series.seconds.observe(seconds)
        agent = exchange.inbound.get(b"user-agent")
        alike = (exchange.path, exchange.method, exchange.status, exchange.client.ip, agent)
        if not self._request_log.counts(alike):
            self._request_log.add(_entry(exchange, exchange.status, seconds), alike)

    def _series(self, exchange: Exchange, status: int) -> "_Series":
        method = exchange.method if exchange.method in METHODS else "OTHER"
        route = exchange.route.prefix if exchange.route else "own"
        key = (method, route, status)
        if key not in self._known:
            requests = metrics.REQUESTS.labels("gateway", method, route, status)
            self._known[key] = _Series(requests, metrics.REQUEST_SECONDS.labels("gateway", method, route))
        return self._known[key]


class _Series(NamedTuple):
    requests: Counter
    seconds: Histogram


def _entry(exchange: Exchange, status: int, seconds: float) -> Entry:
    return logged(
        request_id=exchange.origin.correlation_id,
        method=exchange.method,
        path=exchange.path,
        status=status,
        seconds=seconds,
        service=exchange.route.service if exchange.route else None,
        user_id=exchange.user_id,
        ip=exchange.client.ip,
        user_agent=exchange.inbound.get(b"user-agent"),
    )
