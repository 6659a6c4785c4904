"""Sending a request to a service: its connections, its breaker, safe retries, and errors by their cause."""

import asyncio
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace

from opentelemetry.trace import SpanKind

from common import metrics, telemetry
from common.errors import BadGateway, DukanError, GatewayTimeout, Unavailable
from gateway.errors import Overloaded, TooManyInFlight
from gateway.http.headers import header_lines
from gateway.proxy.breaker import Breaker
from gateway.proxy.connection import BrokenConnectionError, Connection
from gateway.proxy.pool import ConnectionPool
from gateway.proxy.request_body import RequestBody

SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))
IDEMPOTENT_METHODS = SAFE_METHODS | {"PUT", "DELETE"}
BODILESS_METHODS = SAFE_METHODS | {"DELETE"}
RETRY_PAUSE_SECONDS = 0.1
MAX_SHARE_OF_CALLER = 1 / 4
"""Of a service's slots: a caller that holds requests open must not lock out the others."""


@dataclass(frozen=True, slots=True)
class UpstreamRequest:
    """A request to a service. `target` is path and query, `timeout` the seconds until the response starts.

    With `upgrades` the response may be 101. `caller` is the key for the limit of requests in flight.
    """

    method: str
    target: bytes
    headers: Sequence[tuple[bytes, bytes]]
    body: RequestBody
    timeout: float
    upgrades: bool = False
    caller: Hashable = None


@dataclass(slots=True)
class Upstream:
    """One service: its connections, its health, and its requests in flight."""

    service: str
    pool: ConnectionPool
    max_in_flight: int
    breaker: Breaker = field(default_factory=Breaker)
    in_flight: int = 0
    _by_caller: dict[Hashable, int] = field(default_factory=dict)
    _slot_holders: dict[Connection, Hashable] = field(default_factory=dict)

    async def send(self, request: UpstreamRequest) -> Connection:
        """A connection on which the response has started; pass it to `release` after reading.

        A request takes a slot once the service can work on it. One whose body is still arriving takes none: it counts
        among the arriving bodies until its response is complete.

        Raises BadGateway, GatewayTimeout, Unavailable, TooManyInFlight, or the error of the client's body.
        """
        start = await request.body.read_start()
        caller = request.caller
        if request.body.is_streamed:
            self._check(self._by_caller.get(caller, 0))
            return await self._send(request, start)
        self._take_slot(caller)
        try:
            connection = await self._send(request, start)
        except BaseException:
            self._free_slot(caller)
            raise
        self._slot_holders[connection] = caller
        return connection

    def release(self, connection: Connection) -> None:
        """Give the connection back; it is closed if the response has not been read to its end."""
        self.release_slot(connection)
        self.pool.release(connection)

    def release_slot(self, connection: Connection) -> None:
        """The response no longer counts as in flight: it is long-lived and limited elsewhere."""
        if connection in self._slot_holders:
            self._free_slot(self._slot_holders.pop(connection))

    def _take_slot(self, caller: Hashable) -> None:
        # One look-up: every request passes here, and hashing a user's id takes time.
        in_flight_of_caller = self._by_caller.get(caller, 0)
        self._check(in_flight_of_caller)
        self.in_flight += 1
        self._by_caller[caller] = in_flight_of_caller + 1

    def _free_slot(self, caller: Hashable) -> None:
        self.in_flight -= 1
        if remaining := self._by_caller[caller] - 1:
            self._by_caller[caller] = remaining
        else:
            del self._by_caller[caller]

    def _check(self, in_flight_of_caller: int) -> None:
        """Raises an error if the caller or the service has no slot left, or the breaker is open."""
        if in_flight_of_caller >= self.max_in_flight * MAX_SHARE_OF_CALLER:
            metrics.RATE_LIMITED.labels("in-flight").inc()
            raise TooManyInFlight(1)
        if self.in_flight >= self.max_in_flight:
            self._count_failure("overloaded")
            raise Overloaded
        if not self.breaker.allows():
            self._count_failure("breaker_open")
            raise Unavailable(retry_after=self.breaker.retry_after)

    async def _send(self, request: UpstreamRequest, start: bytes) -> Connection:
        """In a span, if the request is traced; the service's span is below it. It ends when the response starts."""
        attributes = {"http.request.method": request.method, "server.address": self.pool.host.decode()}
        span = telemetry.start_child(f"{request.method} {self.service}", SpanKind.CLIENT, attributes)
        if span is None:
            return await self._exchange(request, start)
        headers = [pair for pair in request.headers if pair[0] != b"traceparent"]
        traceparent = (b"traceparent", telemetry.traceparent_of(span).encode())
        try:
            return await self._exchange(replace(request, headers=[*headers, traceparent]), start)
        except BaseException as error:
            telemetry.fail(span, error)
            raise
        finally:
            span.end()

    async def _exchange(self, request: UpstreamRequest, start: bytes) -> Connection:
        try:
            connection = await self._send_with_retry(request, start)
        except TimeoutError as error:
            raise self._failure("timeout", GatewayTimeout()) from error
        except OSError as error:
            raise self._failure("connection", BadGateway()) from error
        self.breaker.record_success()
        return connection

    async def _send_with_retry(self, request: UpstreamRequest, start: bytes) -> Connection:
        """Send; once more if it is certain that sending twice is harmless."""
        try:
            return await self._send_once(request, start)
        except OSError as error:
            if request.body.is_streamed or isinstance(error, TimeoutError) or not _is_retryable(request.method, error):
                raise
        # A service that restarts is back in a moment, and one that closed an idle connection accepts a new one.
        await asyncio.sleep(RETRY_PAUSE_SECONDS)
        return await self._send_once(request, start, fresh=True)

    async def _send_once(self, request: UpstreamRequest, start: bytes, *, fresh: bool = False) -> Connection:
        connection = await self.pool.acquire(fresh=fresh)
        try:
            async with asyncio.timeout(request.timeout) as deadline:
                body = request.body
                head = self._head(request, start)
                if body.is_streamed:
                    pieces = body.chunks(_postpone(deadline, request.timeout))
                    await connection.send(request.method, head, pieces, chunked=body.length is None)
                else:
                    await connection.send(request.method, head, start, chunked=False, upgrades=request.upgrades)
        except BaseException:
            connection.close()
            raise
        return connection

    def _head(self, request: UpstreamRequest, start: bytes) -> bytes:
        lines = [header_lines(request.headers)]
        if not request.body.is_streamed:
            if start or request.method not in BODILESS_METHODS:
                lines.append(b"content-length: %d\r\n" % len(start))
        elif request.body.length is None:
            lines.append(b"transfer-encoding: chunked\r\n")
        else:
            lines.append(b"content-length: %d\r\n" % request.body.length)
        first = (request.method.encode(), self.pool.base_path, request.target, self.pool.host)
        return b"%s %s%s HTTP/1.1\r\nhost: %s\r\n" % first + b"".join(lines) + b"\r\n"

    def _failure(self, cause: str, error: DukanError) -> DukanError:
        self.breaker.record_failure()
        self._count_failure(cause)
        return error

    def _count_failure(self, cause: str) -> None:
        metrics.UPSTREAM_FAILED.labels(self.service, cause).inc()


def _is_retryable(method: str, error: OSError) -> bool:
    """A safe request without a byte of response, or an idempotent request that never had a connection."""
    if isinstance(error, BrokenConnectionError):
        return method in SAFE_METHODS and error.untouched
    return method in IDEMPOTENT_METHODS


def _postpone(deadline: asyncio.Timeout, seconds: float) -> Callable[[], None]:
    """Moves the deadline after each piece of the body: a service cannot respond before it has the body."""
    loop = asyncio.get_running_loop()

    def on_chunk() -> None:
        if not deadline.expired() and deadline.when() is not None:
            deadline.reschedule(loop.time() + seconds)

    return on_chunk
