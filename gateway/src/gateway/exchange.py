"""One request and its answer, as far as the client sees it."""

import time
from collections.abc import Callable, Hashable
from functools import lru_cache
from http import HTTPStatus
from typing import Protocol
from uuid import UUID

from starlette.types import Scope, Send

from common.context import Origin
from common.errors import DukanError
from common.security.tokens import Identity
from common.web.error_responses import error_response
from gateway.clients import NOBODY
from gateway.compression import VARIES, Packer, can_pack, chosen, pack, packed_headers
from gateway.headers import Headers, Inbound, lines_of
from gateway.held import Renewal
from gateway.routes import Route

# An API answers data, so nothing in it may run, be framed or be sniffed as something else.
SAFE = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
]
POLICY = b"content-security-policy"
LENGTH = b"content-length"
CLOSING = (b"connection", b"close")
BODILESS = frozenset((204, 304))
WRITE_WHOLE = "dukan.write_whole"
"""Where a scope has a function that takes a whole answer as bytes and says whether it wrote it."""
CUT_OFF = "dukan.cut_off"
"""Where a scope has a function that ends the client's connection, whatever was to be written on it yet."""
NO_CONTENT_RUNS = (POLICY, b"default-src 'none'; frame-ancestors 'none'")


def whole(status: int, headers: Headers, body: bytes) -> bytes:
    """An answer as it is written."""
    return b"".join((_status_line(status), lines_of(headers), b"\r\n", body))


@lru_cache(maxsize=1000)
def _status_line(status: int) -> bytes:
    known = HTTPStatus.__members__.values()
    return b"HTTP/1.1 %d %s\r\n" % (status, HTTPStatus(status).phrase.encode() if status in known else b"")


def safe(headers: Headers) -> Headers:
    """The headers of an answer with what keeps a browser from making more of it than data."""
    if POLICY in dict(headers):
        return [*headers, *SAFE]
    return [*headers, *SAFE, NO_CONTENT_RUNS]


class Tap(Protocol):
    """Sees an answer before the client does: its head as the service gave it, then its body piece by piece."""

    def begin(self, status: int, headers: Headers) -> None: ...

    def add(self, piece: bytes) -> None: ...


class Exchange:
    """Collects what is learnt about a request on its way, and writes the answer.

    `extra` headers go with every answer; `status` is 0 until the answer begins.
    """

    __slots__ = ("client", "extra", "held_since", "identity", "inbound", "method", "origin", "packer", "path",
                 "renewal", "route", "scope", "send", "started", "status", "tap", "user_id")  # fmt: skip

    def __init__(self, scope: Scope, send: Send) -> None:
        self.scope = scope
        self.send = send
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.started = time.perf_counter()
        self.status = 0
        self.extra: list[tuple[bytes, bytes]] = []
        self.origin: Origin
        self.inbound = Inbound([])
        self.client = NOBODY
        self.route: Route | None = None
        self.user_id: UUID | None = None
        self.identity: Identity | None = None
        self.renewal: Renewal | None = None
        self.held_since: float | None = None
        self.tap: Tap | None = None
        self.packer: Packer | None = None

    async def begin(self, status: int, headers: Headers) -> None:
        """Send status and headers. From here on only cutting the connection tells the client of a failure."""
        if self.tap is not None:
            self.tap.begin(status, headers)
        if self._can_pack(status, headers, int(dict(headers).get(LENGTH, b"0"))):
            headers = [*headers, VARIES]
            if (coding := chosen(self.inbound)) is not None:
                headers, self.packer = packed_headers(headers, coding), Packer(coding)
        await self.send({"type": "http.response.start", "status": status, "headers": self._headed(status, headers)})

    def _can_pack(self, status: int, headers: Headers, length: int) -> bool:
        return (self.route is None or self.route.compresses) and can_pack(status, headers, length)

    def _headed(self, status: int, headers: Headers) -> Headers:
        self.status = status
        return [*safe(headers), *self.marks(), *self.extra]

    def marks(self) -> Headers:
        """By what names the answer can be asked about."""
        return [
            (b"x-request-id", self.origin.correlation_id.encode()),
            (b"traceparent", (self.origin.traceparent or "").encode()),
        ]

    def hold(self, status: int) -> None:
        """The answer has begun and may last for hours: what counts as its time ends here."""
        self.status = status
        self.held_since = time.perf_counter()

    @property
    def seconds(self) -> float:
        """How long it took, now that it is over."""
        return (self.held_since or time.perf_counter()) - self.started

    @property
    def caller(self) -> Hashable:
        """What is counted together: a user, or else an address."""
        return self.user_id or self.client.key

    def cut_off(self) -> None:
        """The client takes nothing any more."""
        cut_off: Callable[[], None] | None = self.scope.get(CUT_OFF)
        if cut_off is not None:
            cut_off()

    async def write(self, body: bytes, *, more: bool = False) -> None:
        if self.tap is not None:
            self.tap.add(body)
        if self.packer is not None:
            body = await self.packer.add(body, more=more)
        if body or not more:
            await self.send({"type": "http.response.body", "body": body, "more_body": more})

    async def answer(self, status: int, headers: Headers, body: bytes) -> None:
        """The whole answer at once, in one write where the server can. `headers` may tell the body's length."""
        if self.tap is not None:
            self.tap.begin(status, headers)
            self.tap.add(body)
        if self._can_pack(status, headers, len(body)):
            headers = [*headers, VARIES]
            if self.method != "HEAD" and (coding := chosen(self.inbound)) is not None:
                headers, body = packed_headers(headers, coding), await pack(coding, body)
        if status not in BODILESS and LENGTH not in dict(headers):
            headers = [*headers, (LENGTH, b"%d" % len(body))]
        complete = self._headed(status, headers)
        if self.method == "HEAD":
            body = b""
        write_whole = None if CLOSING in headers else self.scope.get(WRITE_WHOLE)
        if write_whole is not None and write_whole(whole(status, complete, body)):
            return
        await self.send({"type": "http.response.start", "status": status, "headers": complete})
        await self.send({"type": "http.response.body", "body": body})

    async def refuse(self, error: DukanError) -> None:
        """The error as an envelope."""
        response = error_response(error)
        headers = [pair for pair in response.raw_headers if pair[0] != b"content-length"]
        if error.status in (400, 408, 413, 431):
            # What is still to come on this connection cannot be trusted to begin where we think.
            headers.append(CLOSING)
        await self.answer(error.status, headers, bytes(response.body))
