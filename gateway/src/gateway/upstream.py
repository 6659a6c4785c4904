"""Asking a service: one pooled HTTP/1.1 client, bytes passed through as they are, failures told by their cause."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import ConnectError, RequestError
from pyreqwest.request import StreamRequest
from pyreqwest.response import Response

from common import metrics
from common.errors import DukanError, Unavailable
from gateway.body import Body
from gateway.breaker import Breaker
from gateway.errors import BadGateway, GatewayTimeout

IDEMPOTENT = frozenset(("GET", "HEAD", "OPTIONS", "PUT", "DELETE"))
RETRY_PAUSE = 0.1
# Services keep idle connections for 75 s; ours end first, so that none is closed as a request goes out.
POOL_IDLE = timedelta(seconds=20)


def new_client(connect_timeout: float) -> Client:
    """A client that changes nothing: no redirects, no decompression, no cookies, no proxy from the environment."""
    return (
        ClientBuilder()
        .no_proxy()
        .follow_redirects(False)
        .referer(False)
        .gzip(False)
        .brotli(False)
        .zstd(False)
        .deflate(False)
        .http1_lower_case_headers()
        .user_agent("dukan-gateway")
        .connect_timeout(timedelta(seconds=connect_timeout))
        .pool_idle_timeout(POOL_IDLE)
        .build()
    )


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a service. `target` is path and query, `timeout` seconds until the answer begins."""

    method: str
    target: str
    headers: Sequence[tuple[str, str]]
    body: Body
    timeout: float


@dataclass(slots=True)
class Upstream:
    """One service: where it is, how it is doing, and how many requests it has at hand."""

    service: str
    url: str
    client: Client
    most_in_flight: int
    breaker: Breaker = field(default_factory=Breaker)
    in_flight: int = 0

    @asynccontextmanager
    async def ask(self, question: Question) -> AsyncIterator[Response]:
        """The service's answer once it has begun; its body is read inside the block.

        Raises BadGateway, GatewayTimeout or Unavailable, or what went wrong with the client's body.
        """
        self._admit()
        self.in_flight += 1
        try:
            request, response = await self._begin(question)
            try:
                yield response
            finally:
                # Closes the connection unless the body was read to its end.
                await request.__aexit__(None, None, None)
        finally:
            self.in_flight -= 1

    def _admit(self) -> None:
        if self.in_flight >= self.most_in_flight:
            self._count("overloaded")
            raise Unavailable("The service is busy, try again shortly", retry_after=1, code="overloaded")
        if not self.breaker.allows():
            self._count("breaker_open")
            raise Unavailable(retry_after=self.breaker.retry_after)

    async def _begin(self, question: Question) -> tuple[StreamRequest, Response]:
        start = await question.body.begin()
        try:
            return await self._send(question, start)
        except RequestError as error:
            if question.body.failure is not None:
                raise question.body.failure from error
            if not (_never_connected(error) and question.method in IDEMPOTENT and not question.body.streams):
                raise self._failed("connection", BadGateway()) from error
        # A service that restarts is back in a moment, and this request has not reached it.
        await asyncio.sleep(RETRY_PAUSE)
        try:
            return await self._send(question, start)
        except RequestError as error:
            raise self._failed("connection", BadGateway()) from error

    async def _send(self, question: Question, start: bytes) -> tuple[StreamRequest, Response]:
        try:
            async with asyncio.timeout(question.timeout) as deadline:
                request = self._built(question, start, deadline)
                response = await request.__aenter__()
        except TimeoutError as error:
            raise self._failed("timeout", GatewayTimeout()) from error
        self.breaker.succeeded()
        return request, response

    def _built(self, question: Question, start: bytes, deadline: asyncio.Timeout) -> StreamRequest:
        builder = self.client.request(question.method, self.url + question.target).headers(question.headers)
        body = question.body
        if not body.streams:
            return (builder.body_bytes(start) if start else builder).build_streamed()

        def progress() -> None:
            # The service cannot begin its answer before it has the body; its time runs from the last piece.
            deadline.reschedule(asyncio.get_running_loop().time() + question.timeout)

        if body.length is not None:
            builder = builder.header("content-length", str(body.length))
        return builder.body_stream(body.chunks(progress)).build_streamed()

    def _failed(self, cause: str, error: DukanError) -> DukanError:
        self.breaker.failed()
        self._count(cause)
        return error

    def _count(self, cause: str) -> None:
        metrics.UPSTREAM_FAILED.labels(self.service, cause).inc()


def _never_connected(error: RequestError) -> bool:
    """Whether the request cannot have reached the service. The client library tells it only in words."""
    causes = error.details["causes"] or []
    return isinstance(error, ConnectError) and any(cause["message"] == "client error (Connect)" for cause in causes)
