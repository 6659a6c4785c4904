"""Asking a service: its connections, its breaker, retries that are safe, and failures told by their cause."""

import asyncio
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field

from common import metrics
from common.errors import DukanError, RateLimited, Unavailable
from gateway.body import Body
from gateway.breaker import Breaker
from gateway.connection import BrokenError, Connection
from gateway.errors import BadGateway, GatewayTimeout
from gateway.headers import lines_of
from gateway.pool import Pool

READS = frozenset(("GET", "HEAD", "OPTIONS"))
IDEMPOTENT = READS | {"PUT", "DELETE"}
BODILESS = READS | {"DELETE"}
RETRY_PAUSE = 0.1
LARGEST_SHARE = 1 / 4
"""Of a service's places, for one caller: whoever holds requests open keeps nobody else out."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a service. `target` is path and query, `timeout` seconds until the answer begins.

    With `upgrades` the answer may be 101. Of one `caller` only so many are asked at a time.
    """

    method: str
    target: bytes
    headers: Sequence[tuple[bytes, bytes]]
    body: Body
    timeout: float
    upgrades: bool = False
    caller: Hashable = None


@dataclass(slots=True)
class Upstream:
    """One service: how to reach it, how it is doing, and how many requests it has at hand."""

    service: str
    pool: Pool
    most_in_flight: int
    breaker: Breaker = field(default_factory=Breaker)
    in_flight: int = 0
    _by_caller: dict[Hashable, int] = field(default_factory=dict)
    _askers: dict[Connection, Hashable] = field(default_factory=dict)

    async def ask(self, question: Question) -> Connection:
        """A connection on which the answer has begun; give it to `release` when it has been read.

        Raises BadGateway, GatewayTimeout, Unavailable or RateLimited, or what went wrong with the client's body.
        """
        caller = question.caller
        self._take(caller)
        try:
            connection = await self._ask(question)
        except BaseException:
            self._give_back(caller)
            raise
        self._askers[connection] = caller
        return connection

    def release(self, connection: Connection) -> None:
        """The answer has been read, or nobody wants the rest of it: then the connection is closed."""
        self.excuse(connection)
        self.pool.release(connection)

    def excuse(self, connection: Connection) -> None:
        """The answer takes no place from now on: it lasts, and is counted elsewhere."""
        if connection in self._askers:
            self._give_back(self._askers.pop(connection))

    def _take(self, caller: Hashable) -> None:
        # Every request passes here, and the id of a user takes time to hash.
        held = self._by_caller.get(caller, 0)
        self._admit(held)
        self.in_flight += 1
        self._by_caller[caller] = held + 1

    def _give_back(self, caller: Hashable) -> None:
        self.in_flight -= 1
        if left := self._by_caller[caller] - 1:
            self._by_caller[caller] = left
        else:
            del self._by_caller[caller]

    def _admit(self, held: int) -> None:
        """Refuse where its caller holds as many as one may, or all places are taken, or the service is down."""
        if held >= self.most_in_flight * LARGEST_SHARE:
            metrics.RATE_LIMITED.labels("in-flight").inc()
            raise RateLimited(1, "Too many of your requests are under way", code="too_many_in_flight")
        if self.in_flight >= self.most_in_flight:
            self._count("overloaded")
            raise Unavailable("The service is busy, try again shortly", retry_after=1, code="overloaded")
        if not self.breaker.allows():
            self._count("breaker_open")
            raise Unavailable(retry_after=self.breaker.retry_after)

    async def _ask(self, question: Question) -> Connection:
        start = await question.body.begin()
        try:
            connection = await self._try(question, start)
        except TimeoutError as error:
            raise self._failed("timeout", GatewayTimeout()) from error
        except OSError as error:
            raise self._failed("connection", BadGateway()) from error
        self.breaker.succeeded()
        return connection

    async def _try(self, question: Question, start: bytes) -> Connection:
        """Ask; once more when nothing can come of asking twice."""
        try:
            return await self._send(question, start)
        except OSError as error:
            if question.body.streams or isinstance(error, TimeoutError) or not _repeatable(question.method, error):
                raise
        # A service that restarts is back in a moment, and one that closed an idle connection takes a new one.
        await asyncio.sleep(RETRY_PAUSE)
        return await self._send(question, start, fresh=True)

    async def _send(self, question: Question, start: bytes, *, fresh: bool = False) -> Connection:
        connection = await self.pool.acquire(fresh=fresh)
        try:
            async with asyncio.timeout(question.timeout) as deadline:
                body = question.body
                head = self._head(question, start)
                if body.streams:
                    pieces = body.chunks(_postponing(deadline, question.timeout))
                    await connection.ask(question.method, head, pieces, chunked=body.length is None)
                else:
                    await connection.ask(question.method, head, start, chunked=False, upgrades=question.upgrades)
        except BaseException:
            connection.close()
            raise
        return connection

    def _head(self, question: Question, start: bytes) -> bytes:
        lines = [lines_of(question.headers)]
        if not question.body.streams:
            if start or question.method not in BODILESS:
                lines.append(b"content-length: %d\r\n" % len(start))
        elif question.body.length is None:
            lines.append(b"transfer-encoding: chunked\r\n")
        else:
            lines.append(b"content-length: %d\r\n" % question.body.length)
        first = (question.method.encode(), self.pool.base, question.target, self.pool.host)
        return b"%s %s%s HTTP/1.1\r\nhost: %s\r\n" % first + b"".join(lines) + b"\r\n"

    def _failed(self, cause: str, error: DukanError) -> DukanError:
        self.breaker.failed()
        self._count(cause)
        return error

    def _count(self, cause: str) -> None:
        metrics.UPSTREAM_FAILED.labels(self.service, cause).inc()


def _repeatable(method: str, error: OSError) -> bool:
    """A read that got no answer, or an idempotent request that never had a connection."""
    return method in READS and error.untouched if isinstance(error, BrokenError) else method in IDEMPOTENT


def _postponing(deadline: asyncio.Timeout, seconds: float) -> Callable[[], None]:
    """A service cannot answer before it has the body: its time runs from the last piece."""
    loop = asyncio.get_running_loop()

    def progress() -> None:
        if not deadline.expired() and deadline.when() is not None:
            deadline.reschedule(loop.time() + seconds)

    return progress
