"""The HTTP/1.1 server protocol at the edge: uvicorn's, with bounds on a request's head, and a short way.

Without them one connection can make the server remember headers for ever, or hold a socket by sending none.
"""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any, Protocol, cast

from starlette.types import Scope
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from common.web.envelope import failure
from gateway.exchange import CUT_OFF, WRITE_WHOLE
from gateway.headers import Header
from gateway.sockets import TAKE_OVER
from gateway.tunnel import GOING_AWAY, Tunnel

HEAD_BYTES = 128 * 1024
"""Above what the settings may allow and below what hurts: the polite refusal comes from the application."""
HEAD_SECONDS = 15.0
READS = {b"GET": "GET", b"HEAD": "HEAD"}


class Application(Protocol):
    """What may have an answer before a request becomes a task: None when it has not."""

    def answer_at_once(self, target: bytes, scope: Scope, given: Sequence[Header]) -> bytes | None: ...


class EdgeProtocol(HttpToolsProtocol):
    """Closes a connection whose request head is endless, in bytes or in time, and gives at once what is at hand."""

    def __init__(self, config: Config, *args: Any, **kwargs: Any) -> None:
        super().__init__(config, *args, **kwargs)
        self._application: Application = cast("Application", config.app)
        self._in_head = True
        self._is_answered = False
        self._head_bytes = 0
        self._head_timer: asyncio.TimerHandle | None = None
        self._tunnel: Tunnel | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_head()
        if self._tunnel is not None:
            self._tunnel.client_left()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._tunnel is not None:
            self._tunnel.from_client(data)
            return
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if not self._in_head or self.transport.is_closing():
            return
        if self._head_bytes > HEAD_BYTES:
            self._refuse(b"431 Request Header Fields Too Large", "The headers are too large", "headers_too_large")
        elif self._head_bytes:
            self._await_head()

    def on_message_begin(self) -> None:
        # With several requests in one piece, what is left of it counts as the head of the one that is not complete.
        self._head_bytes = self._head_bytes or 1
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._forget_head()
        if self._is_free and (answer := self._at_once()) is not None:
            self._is_answered = True
            self.server_state.total_requests += 1
            self.transport.write(answer)
        else:
            super().on_headers_complete()
            # The task that will answer has not begun.
            scope = cast("Scope", self.scope)
            scope[CUT_OFF] = self.transport.abort
            if self.parser.should_upgrade():
                scope[TAKE_OVER] = partial(self._take_over, self.cycle)
            else:
                scope[WRITE_WHOLE] = partial(self._write_whole, self.cycle)

    def on_message_complete(self) -> None:
        self._in_head = True
        self._head_bytes = 0
        if self._is_answered:
            self._is_answered = False
            self._await_next()
        else:
            super().on_message_complete()

    def _write_whole(self, cycle: RequestResponseCycle, answer: bytes) -> bool:
        """Write status, headers and body in one, unless what is special about them is left to `send`.

        `send` looks at every header for what could break out of it; these come from a parser that lets none through,
        or from us.
        """
        if not cycle.keep_alive or cycle.response_started or cycle.disconnected or self.flow.write_paused:
            return False
        self.transport.write(answer)
        cycle.response_started = cycle.response_complete = True
        cycle.message_event.set()
        cycle.on_response()
        return True

    def _take_over(self, cycle: RequestResponseCycle, head: bytes, tunnel: Tunnel, begun: bytes) -> bool:
        """Answer with `head`; from here on the connection is the tunnel's. False when the client has left."""
        if cycle.disconnected or self.transport.is_closing():
            return False
        cycle.response_started = cycle.response_complete = True
        self._tunnel = tunnel
        self.transport.write(head)
        tunnel.start(self.transport, begun)
        return True

    def _should_upgrade(self) -> bool:
        # The application does, by the way above, once it has judged the request.
        return False

    def _unsupported_upgrade_warning(self) -> None:
        """What else a client wants to upgrade to is ignored, as RFC 9110 allows."""

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
            self._tunnel.end(GOING_AWAY, "the gateway stops")

    @property
    def _is_free(self) -> bool:
        """Whether nothing that was asked before is still to be answered, and the client takes what it is given."""
        is_idle = self.cycle is None or self.cycle.response_complete
        return is_idle and not self.flow.write_paused and not self.transport.is_closing()

    def _at_once(self) -> bytes | None:
        """What is at hand for a plain GET or HEAD on a connection that stays."""
        parser, method = self.parser, self.parser.get_method()
        if method not in READS or parser.get_http_version() != "1.1" or not parser.should_keep_alive():
            return None
        if parser.should_upgrade():
            return None
        self.scope["method"] = READS[method]
        scope = cast("Scope", self.scope)
        return self._application.answer_at_once(self.url, scope, self.server_state.default_headers)

    def _await_next(self) -> None:
        if self.timeout_keep_alive_task is None and not self.transport.is_closing():
            wait = self.timeout_keep_alive
            self.timeout_keep_alive_task = self.loop.call_later(wait, self.timeout_keep_alive_handler)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 (uvicorn's words are not the platform's)
        self._refuse(b"400 Bad Request", "This is not valid HTTP", "malformed_request")

    def _await_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def _forget_head(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _give_up(self) -> None:
        if not self.transport.is_closing():
            self._refuse(b"408 Request Timeout", "The request did not arrive in time", "timeout")

    def _refuse(self, status: bytes, message: str, code: str) -> None:
        body = failure(message, code, [], None).model_dump_json().encode()
        head = b"HTTP/1.1 %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
        self.transport.write(head % (status, len(body)) + body)
        self.transport.close()
