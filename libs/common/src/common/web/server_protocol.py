"""The HTTP/1.1 server protocol of every process: uvicorn's, where that is laxer than HTTP or answers in its own words.

- Trailer fields never become headers (RFC 9110, 6.5.1). uvicorn adds those that arrive before the application starts.
- A target with an authority replaces the Host header (RFC 9112, 3.2.2).
- What is not HTTP, has an unknown method or a target that is too long gets the error envelope with a request id, after
  the responses to earlier requests of the connection, and never in addition to the request's own response.
"""

import re
from http import HTTPStatus
from typing import Any, cast

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from common.errors import DukanError, MalformedRequest, MethodNotAllowed, MethodNotImplemented, UriTooLong
from common.ids import new_request_id
from common.web.envelope import failure
from common.web.methods import METHODS, STANDARD_METHODS

MAX_TARGET_BYTES = 16 * 1024
"""RFC 9112, 3 asks for at least 8,000."""
REJECTION = "dukan.rejection"
"""Key in the scope of a request that the application has to answer with this error."""
ABSOLUTE_FORM = re.compile(rb"https?://([^/?#]*)(/[^?#]*)?(\?[^#]*)?", re.IGNORECASE)
METHOD_OF_LINE = re.compile(rb"(?:\A|\n)([!#$%&'*+.^_`|~0-9A-Za-z-]{1,64})(?:\Z| \S+ HTTP/1\.[01]\r?\n)")


class ServerProtocol(HttpToolsProtocol):
    """One connection of a client."""

    def __init__(self, config: Config, *args: Any, **kwargs: Any) -> None:
        super().__init__(config, *args, **kwargs)
        self._in_head = True
        self._rejection: DukanError | None = None

    def data_received(self, data: bytes) -> None:
        if self._rejection is not None:
            return
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            if self._should_upgrade():
                self.handle_websocket_upgrade()
            else:
                self._unsupported_upgrade_warning()
                # The parser takes what follows for another protocol.
                self.cycle.keep_alive = False
        except httptools.HttpParserInvalidMethodError:
            self._reject(_method_error(data))
        except httptools.HttpParserError:
            self._reject(MalformedRequest())

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._in_head:
            return
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        # The parser leaves the blanks after a value, which are no part of it (RFC 9112, 5.1).
        self.headers.append((name, value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        # From here on, fields are trailers.
        self._in_head = False
        if len(self.url) > MAX_TARGET_BYTES or not self.url.startswith(b"/"):
            self._check_target()
        try:
            self._start_request()
        except Exception:
            self._in_head = True
            raise

    def _start_request(self) -> None:
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_head = True
        super().on_message_complete()

    def on_response_complete(self) -> None:
        was_last = not self.pipeline
        super().on_response_complete()
        # A call only when there is something to do: every response passes here.
        if self._rejection is not None and was_last:
            self._write_rejection(self._rejection)
        elif not self._in_head:
            self._on_unread_body()

    def _on_unread_body(self) -> None:
        """A response is complete while the body of the newest request is still arriving."""

    def _check_target(self) -> None:
        try:
            self.url = self._origin_form(self.url)
        except DukanError as error:
            # For the log, and short enough for the parser of URLs.
            self.url = self.url[:100].partition(b"?")[0] if self.url.startswith(b"/") else b"/"
            cast("dict[str, Any]", self.scope)[REJECTION] = error

    def _origin_form(self, url: bytes) -> bytes:
        """Path and query of the target, or `*` for the server as a whole. Raises the error to answer with."""
        if len(url) > MAX_TARGET_BYTES:
            raise UriTooLong
        method = self.parser.get_method()
        if method == b"CONNECT":
            raise MethodNotAllowed(METHODS)
        if (absolute := ABSOLUTE_FORM.fullmatch(url)) is not None:
            authority, path, query = absolute.groups(b"")
            self._replace_host(authority)
            url = (path or (b"/" if query or method != b"OPTIONS" else b"*")) + query
        if not url.startswith(b"/") and (url != b"*" or method != b"OPTIONS"):
            raise MalformedRequest("The target of the request is not valid")
        return url

    def _replace_host(self, authority: bytes) -> None:
        """A missing or second Host header stays an error, for the application to find."""
        self.headers[:] = [(name, authority if name == b"host" else value) for name, value in self.headers]

    def _reject(self, error: DukanError) -> None:
        """Respond with the error when its turn comes, and close the connection. Nothing more is read from it."""
        self._rejection = error
        cycle = self.cycle
        if self._in_head:
            if cycle is None or cycle.response_complete:
                self._write_rejection(error)
        elif self.pipeline:
            # The body of a request that has not started.
            self.pipeline.popleft()
        else:
            if not cycle.response_started:
                self._write_rejection(error)
            # There must not be a second response, neither from here nor from the application.
            cycle.disconnected = True
            cycle.message_event.set()
            self.transport.close()

    def _write_rejection(self, error: DukanError) -> None:
        if self.transport.is_closing():
            return
        request_id = new_request_id()
        body = failure(error.message, error.code, [], request_id).model_dump_json().encode()
        headers = [
            *self.server_state.default_headers,
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
            (b"cache-control", b"no-store"),
            (b"x-request-id", request_id.encode()),
            (b"connection", b"close"),
        ]
        status = b"%d %s" % (error.status, HTTPStatus(error.status).phrase.encode())
        lines = b"".join([b"%s: %s\r\n" % pair for pair in headers])
        self.transport.write(b"HTTP/1.1 %s\r\n%s\r\n%s" % (status, lines, body))
        self.transport.close()


def _method_error(data: bytes) -> DukanError:
    """Whether it is a request with a method that the parser does not know, or no request at all."""
    methods = [match[1].decode() for match in METHOD_OF_LINE.finditer(data)]
    return MethodNotImplemented() if any(method not in STANDARD_METHODS for method in methods) else MalformedRequest()
