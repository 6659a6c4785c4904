"""What the gateway knows about one request, collected while the request passes through the pipeline."""

import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Protocol
from uuid import UUID

from starlette.types import Scope, Send

from common.context import Origin
from common.security.tokens import Identity
from gateway.http.client_address import UNKNOWN_CLIENT
from gateway.http.compression import Compressor
from gateway.http.headers import Header, Headers, RequestHeaders
from gateway.routing.routes import Route

# Keys under which `EdgeProtocol` puts functions into the scope of a request.
WRITE_RESPONSE = "dukan.write_response"
"""Writes a whole response; returns whether it did: see WriteResponse."""
ABORT = "dukan.abort"
"""Closes the client's connection without sending what is still buffered."""
CYCLE = "dukan.cycle"
"""uvicorn's state of the request; `more_body` is whether a part of the body has not arrived."""
UPGRADE = "dukan.upgrade"
"""Hands the connection over to a tunnel; only in the scope of a request that asks for an upgrade."""

WriteResponse = Callable[[int, Headers, bytes], bool]
Renew = Callable[[], Awaitable[Identity]]
"""Extends the identity behind a connection that stays open."""


class ResponseObserver(Protocol):
    """Sees a response before the client does: the service's status and headers, then the body piece by piece."""

    def on_start(self, status: int, headers: Headers) -> None: ...

    def on_body(self, piece: bytes) -> None: ...


class RequestContext:
    """One request and the state of its response.

    `response_headers` are added to every response; `status` is 0 until the response starts.
    """

    __slots__ = ("client", "compressor", "headers", "identity", "method", "observer", "origin", "path", "renew",
                 "response_headers", "route", "scope", "send", "started_at", "status", "streaming_since",
                 "user_id")  # fmt: skip

    def __init__(self, scope: Scope, send: Send) -> None:
        self.scope = scope
        self.send = send
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.started_at = time.perf_counter()
        self.status = 0
        self.response_headers: list[Header] = []
        self.origin: Origin
        self.headers = RequestHeaders([])
        self.client = UNKNOWN_CLIENT
        self.route: Route | None = None
        self.user_id: UUID | None = None
        self.identity: Identity | None = None
        self.renew: Renew | None = None
        self.streaming_since: float | None = None
        self.observer: ResponseObserver | None = None
        self.compressor: Compressor | None = None

    @property
    def caller(self) -> Hashable:
        """The key for per-caller limits: the user, or the client's address for anonymous requests."""
        return self.user_id or self.client.key

    @property
    def seconds(self) -> float:
        """The request's duration. That of a stream ends when the stream starts."""
        return (self.streaming_since or time.perf_counter()) - self.started_at

    def start_streaming(self, status: int) -> None:
        """The response has started and may last for hours; its duration is measured up to now."""
        self.status = status
        self.streaming_since = time.perf_counter()

    def abort(self) -> None:
        """Close the client's connection at once."""
        abort: Callable[[], None] | None = self.scope.get(ABORT)
        if abort is not None:
            abort()

    def release(self) -> None:
        """Remove the callbacks from the scope.

        They refer back to the request; left in the scope they form cycles, whose collection stalls the loop for 70 ms.
        """
        for key in (WRITE_RESPONSE, UPGRADE, ABORT, CYCLE):
            self.scope.pop(key, None)
