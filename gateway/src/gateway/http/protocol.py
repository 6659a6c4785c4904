"""The gateway's HTTP/1.1 protocol: bounds on what a client may send and how slowly, upgrades, and cached responses at
once.

Without bounds one connection could make the server store headers without end, or hold a socket by sending none.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol, cast

from starlette.types import Scope
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from common.errors import UriTooLong
from common.web.server_protocol import MAX_TARGET_BYTES, REJECTION, ServerProtocol
from gateway.errors import HeadersTooLarge, RequestTimeout
from gateway.http.context import ABORT, CYCLE, UPGRADE, WRITE_RESPONSE
from gateway.http.headers import Header, Headers
from gateway.http.response import serialize

MAX_HEAD_BYTES = 128 * 1024
"""Above what the settings allow, so that the application can reject a large head in the normal way."""
HEAD_TIMEOUT_SECONDS = 15.0
UNREAD_BODY_SECONDS = 5.0
"""How long the rest of a body may still arrive once its request has been answered."""
CACHEABLE_METHODS = {b"GET": "GET", b"HEAD": "HEAD"}


class Application(Protocol):
    """An ASGI application that may have the response before a task for the request exists."""

    def cached_response(self, target: bytes, scope: Scope, server_headers: Sequence[Header]) -> bytes | None: ...


class Tunnel(Protocol):
    """Takes over a client's connection after an upgrade: `gateway.proxy.tunnel`."""

    def start(self, client: asyncio.Transport, received: bytes) -> None: ...

    def from_client(self, data: bytes) -> None: ...

    def client_is_full(self, full: bool) -> None: ...

    def client_disconnected(self) -> None: ...

    def shut_down(self) -> None: ...


class EdgeProtocol(ServerProtocol):
    """Closes connections whose request head is too large or too slow, or whose body nobody waits for; writes cached
    responses at once. `_timer` runs while the client has to send something: a head, or the rest of an unread body.
    """

    def __init__(self, config: Config, *args: Any, **kwargs: Any) -> None:
        super().__init__(config, *args, **kwargs)
        self._application: Application = cast("Application", config.app)
        self._is_answered = False
        self._head_bytes = 0
        self._bytes_since_body = 0
        self._timer: asyncio.TimerHandle | None = None
        self._tunnel: Tunnel | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._start_timer(HEAD_TIMEOUT_SECONDS, self._on_head_timeout)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        if self._tunnel is not None:
            self._tunnel.client_disconnected()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._tunnel is not None:
            self._tunnel.from_client(data)
            return
        if self._in_head:
            self._head_bytes += len(data)
        else:
            self._bytes_since_body += len(data)
        super().data_received(data)
        if self._rejection is not None or self.transport.is_closing():
            return
        if not self._in_head:
            # Trailers, which the parser collects, or the extensions of a chunk.
            if self._bytes_since_body > MAX_HEAD_BYTES:
                self._reject(HeadersTooLarge())
            return
        if self._head_bytes > MAX_HEAD_BYTES:
            self._reject(UriTooLong() if len(self.url) > MAX_TARGET_BYTES else HeadersTooLarge())
        elif self._head_bytes:
            self._start_timer(HEAD_TIMEOUT_SECONDS, self._on_head_timeout)

    def on_message_begin(self) -> None:
        # If several requests arrive in one piece, the rest of it counts as the head of the incomplete one.
        self._head_bytes = self._head_bytes or 1
        super().on_message_begin()

    def on_body(self, body: bytes) -> None:
        self._bytes_since_body = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._head_bytes = self._bytes_since_body = 0
        if self._timer is not None:
            self._stop_timer()
        if self._is_answered:
            self._in_head = True
            self._is_answered = False
            self._start_keep_alive_timer()
        else:
            super().on_message_complete()

    def _on_unread_body(self) -> None:
        if self.cycle.response_complete and not self.transport.is_closing():
            self._start_timer(UNREAD_BODY_SECONDS, self.transport.close)

    def _start_request(self) -> None:
        if self._timer is not None:
            self._stop_timer()
        if self._is_idle and (response := self._cached_response()) is not None:
            self._is_answered = True
            self.server_state.total_requests += 1
            self.transport.write(response)
        else:
            super()._start_request()
            # The task for the request exists and has not started.
            scope = cast("Scope", self.scope)
            scope[ABORT] = self.transport.abort
            scope[CYCLE] = self.cycle
            if self.parser.should_upgrade():
                scope[UPGRADE] = partial(self._upgrade, self.cycle)
            else:
                scope[WRITE_RESPONSE] = partial(self._write_response, self.cycle)

    def _write_response(self, cycle: RequestResponseCycle, status: int, headers: Headers, body: bytes) -> bool:
        """Write a whole response at once; False where uvicorn's `send` has to do it.

        `send` checks every header for characters that break the framing. These come from a parser that lets none
        through, or from the gateway.
        """
        if cycle.waiting_for_100_continue:
            # The client may send its body or not: where the next request starts is not certain.
            cycle.keep_alive = False
        if not cycle.keep_alive or cycle.response_started or cycle.disconnected or self.flow.write_paused:
            return False
        self.transport.write(serialize(status, [*self.server_state.default_headers, *headers], body))
        cycle.response_started = cycle.response_complete = True
        cycle.message_event.set()
        cycle.on_response()
        return True

    def _upgrade(self, cycle: RequestResponseCycle, head: bytes, tunnel: Tunnel, received: bytes) -> bool:
        """Write the response's `head` and hand the connection to the tunnel; False if the client has disconnected."""
        if cycle.disconnected or self.transport.is_closing():
            return False
        cycle.response_started = cycle.response_complete = True
        self._tunnel = tunnel
        self.transport.write(head)
        tunnel.start(self.transport, received)
        return True

    def _should_upgrade(self) -> bool:
        # The application upgrades through the scope, once it has checked the request.
        return False

    def _unsupported_upgrade_warning(self) -> None:
        """Ignore upgrades to other protocols, as RFC 9110 allows, without uvicorn's warning."""

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._tunnel is not None:
            self._tunnel.client_is_full(True)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._tunnel is not None:
            self._tunnel.client_is_full(False)

    def shutdown(self) -> None:
        if self._tunnel is None:
            super().shutdown()
        else:
            self._tunnel.shut_down()

    @property
    def _is_idle(self) -> bool:
        """Whether no earlier request is in progress and the client reads what it is sent."""
        is_idle = self.cycle is None or self.cycle.response_complete
        return is_idle and not self.flow.write_paused and not self.transport.is_closing()

    def _cached_response(self) -> bytes | None:
        """The cached response to a plain GET or HEAD on a connection that is kept alive."""
        parser, method = self.parser, self.parser.get_method()
        if method not in CACHEABLE_METHODS or parser.get_http_version() != "1.1" or not parser.should_keep_alive():
            return None
        if parser.should_upgrade() or REJECTION in self.scope:
            return None
        self.scope["method"] = CACHEABLE_METHODS[method]
        scope = cast("Scope", self.scope)
        return self._application.cached_response(self.url, scope, self.server_state.default_headers)

    def _start_keep_alive_timer(self) -> None:
        if self.timeout_keep_alive_task is None and not self.transport.is_closing():
            seconds = self.timeout_keep_alive
            self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)

    def _start_timer(self, seconds: float, callback: Callable[[], object]) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(seconds, callback)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _on_head_timeout(self) -> None:
        if not self.transport.is_closing():
            self._reject(RequestTimeout("The request did not arrive in time"))
