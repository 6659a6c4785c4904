"""One HTTP/1.1 connection to a service, one request at a time, on the parser that the server itself uses.

No client library: pyreqwest, the fastest one measured, lets a cancelled request run on (its connection stays open
until the service responds), and its bodies and headers are copied into Rust and back; the others cost several times as
much. Here bytes stay bytes, and a cancelled request closes its connection. Sources: RFC 9112.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import cast

import httptools

MAX_BUFFERED_BYTES = 256 * 1024
"""Bytes of a response that may wait for the client; beyond that the service is not read from."""
MAX_HEADER_BYTES = 64 * 1024


class BrokenConnectionError(ConnectionError):
    """The service closed the connection or sent invalid HTTP. `untouched`: no byte of a response had arrived."""

    def __init__(self, message: str, *, untouched: bool) -> None:
        super().__init__(message)
        self.untouched = untouched


class Connection(asyncio.Protocol):
    """`send` sends a request and waits for the response's head; `read` gives its body piece by piece."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._waiter: asyncio.Future[None] | None = None
        self._error: Exception | None = None
        self._body_task: asyncio.Task[None] | None = None
        self.retires_at = float("inf")
        """When the pool replaces it, in seconds of the monotonic clock."""
        self._reset("")

    def _reset(self, method: str, *, upgrades: bool = False) -> None:
        # A new parser for each response: nothing of one can leak into the next.
        self._parser = httptools.HttpResponseParser(self)
        self._method = method
        self._upgrades = upgrades
        self._after_upgrade = b""
        self._is_sending = False
        self._is_touched = False
        self._has_head = False
        self._is_complete = False
        self._keep_alive = False
        self._ends_with_connection = True
        self._pieces: deque[bytes] = deque()
        self._buffered_bytes = 0
        self._header_bytes = 0
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing() and self._error is None

    @property
    def is_reusable(self) -> bool:
        """Whether request and response are both complete and the service keeps the connection alive."""
        return self.is_open and self._is_complete and self._keep_alive and not self._is_sending

    @property
    def is_complete(self) -> bool:
        """Whether the whole response has arrived; `read` may still have to be called."""
        return self._is_complete

    def close(self) -> None:
        """Close at once, without waiting for buffered data."""
        if self._body_task is not None:
            self._body_task.cancel()
        if self._transport is not None:
            self._transport.abort()

    async def send(
        self, method: str, head: bytes, body: bytes | AsyncIterator[bytes], *, chunked: bool, upgrades: bool = False
    ) -> None:
        """Send the request; return when status and headers have arrived. Raises BrokenConnectionError.

        A streamed body is sent while its response is awaited and read; an error of the body is raised here. With
        `upgrades` the response may be 101: then call `detach`.
        """
        self._reset(method, upgrades=upgrades)
        if isinstance(body, bytes):
            self._write(head + body)
        else:
            self._is_sending = True
            self._write(head)
            self._body_task = asyncio.create_task(self._send_body(body, chunked=chunked))
            self._body_task.add_done_callback(self._on_body_sent)
        while not self._has_head:
            await self._wait_for_data()

    async def read(self) -> bytes:
        """The next piece of the body, empty at its end. Raises BrokenConnectionError if it breaks off."""
        while not self._pieces and not self._is_complete:
            await self._wait_for_data()
        piece = b"".join(self._pieces)
        self._pieces.clear()
        self._buffered_bytes = 0
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()
        return piece

    def end_response(self) -> None:
        """Treat what has arrived as the whole response; the connection is closed once it has been read."""
        self._is_complete = True
        self._keep_alive = False
        self._wake()

    def detach(self) -> tuple[asyncio.Transport, bytes]:
        """After a 101: the transport, paused, and the bytes that followed the head."""
        if self._transport is None:
            raise BrokenConnectionError("not connected", untouched=False)
        return self._transport, self._after_upgrade

    async def stop_sending(self) -> None:
        """Stop sending the body; the rest of it remains unread."""
        if self._body_task is not None:
            self._body_task.cancel()
            await asyncio.gather(self._body_task, return_exceptions=True)

    async def _wait_for_data(self) -> None:
        if self._error is not None:
            raise self._error
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _send_body(self, body: AsyncIterator[bytes], *, chunked: bool) -> None:
        async for piece in body:
            self._write(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
            await self._writable.wait()
        if chunked:
            self._write(b"0\r\n\r\n")
        self._is_sending = False

    def _on_body_sent(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None and not self._has_head:
            self._fail(error if isinstance(error, Exception) else BrokenConnectionError("unsent", untouched=False))

    def _write(self, data: bytes) -> None:
        if self._transport is None or self._error is not None:
            raise self._error or BrokenConnectionError("not connected", untouched=True)
        self._transport.write(data)

    def _fail(self, error: Exception) -> None:
        if self._error is None:
            self._error = error
        self._writable.set()
        self._wake()

    # Called by asyncio.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self._is_complete:
            # No request is in progress: this could be taken for the response to the next one.
            self._fail(BrokenConnectionError("more than one response", untouched=False))
            self.close()
            return
        self._is_touched = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._after_upgrade = data[upgrade.args[0] :]
            if self._transport is not None:
                self._transport.pause_reading()
        except httptools.HttpParserError as error:
            self._fail(BrokenConnectionError(f"the response is not HTTP: {error}", untouched=False))
            self.close()
        if self._buffered_bytes > MAX_BUFFERED_BYTES and self._transport is not None:
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        self._is_complete = self._is_complete or (self._has_head and self._ends_with_connection)

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(BrokenConnectionError(f"the connection closed: {exc!r}", untouched=not self._is_touched))

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    # Called by the parser.

    def on_message_begin(self) -> None:
        if self._is_complete:
            raise ValueError("more than one response")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._header_bytes += len(name) + len(value)
        if self._header_bytes > MAX_HEADER_BYTES:
            raise ValueError("the headers are too large")
        name = name.lower()
        self.headers.append((name, value))
        if name in (b"content-length", b"transfer-encoding"):
            self._ends_with_connection = False

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()
        if self.status == 101 and not self._upgrades:
            raise ValueError("an upgrade that was not requested")
        if self.status < 200 and self.status != 101:
            # An interim response: the final one follows.
            self.headers.clear()
            return
        self._has_head = True
        self._keep_alive = self._parser.should_keep_alive()
        # The parser does not know the request's method and would wait for the body that a HEAD leaves out.
        self._is_complete = self._method == "HEAD"

    def on_body(self, body: bytes) -> None:
        if not self._is_complete:
            self._pieces.append(body)
            self._buffered_bytes += len(body)

    def on_message_complete(self) -> None:
        if self._has_head:
            self._is_complete = True
