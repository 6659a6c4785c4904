"""One HTTP/1.1 connection to a service, one request at a time, on the parser that the server itself uses.

Why not a client library: pyreqwest, the fastest at hand, lets a cancelled request run on (its connection stays open
until the service answers), and its bodies and headers cross into Rust and back; the others cost several times as much.
Here bytes stay bytes, and leaving means closing. Sources: RFC 9112.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import cast

import httptools

MOST_WAITING = 256 * 1024
"""Bytes of an answer that may wait for the client; beyond that the service is not read from."""
MOST_HEADERS = 64 * 1024


class BrokenError(ConnectionError):
    """The service closed or garbled the connection. `untouched` says that not one byte of an answer had come."""

    def __init__(self, message: str, *, untouched: bool) -> None:
        super().__init__(message)
        self.untouched = untouched


class Connection(asyncio.Protocol):
    """`ask` sends a request and waits for the answer's head; `read` gives its body piece by piece."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._waiter: asyncio.Future[None] | None = None
        self._broken: Exception | None = None
        self._pump: asyncio.Task[None] | None = None
        self._begin("")

    def _begin(self, method: str, *, upgrades: bool = False) -> None:
        # A parser of its own for each answer: nothing of one can leak into the next.
        self._parser = httptools.HttpResponseParser(self)
        self._method = method
        self._upgrades = upgrades
        self._begun = b""
        self._unsent = False
        self._touched = False
        self._has_head = False
        self._complete = False
        self._keep_alive = False
        self._until_close = True
        self._pieces: deque[bytes] = deque()
        self._waiting = 0
        self._header_bytes = 0
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing() and self._broken is None

    @property
    def is_reusable(self) -> bool:
        """Whether request and answer are over, both, and the service means to go on."""
        return self.is_open and self._complete and self._keep_alive and not self._unsent

    def close(self) -> None:
        """Close at once: what is on its way is not waited for."""
        if self._pump is not None:
            self._pump.cancel()
        if self._transport is not None:
            self._transport.abort()

    async def ask(
        self, method: str, head: bytes, body: bytes | AsyncIterator[bytes], *, chunked: bool, upgrades: bool = False
    ) -> None:
        """Send the request; return when status and headers are there. BrokenError when they will not come.

        A streamed body goes on being sent while its answer is awaited and read; what goes wrong with it is raised here.
        With `upgrades` the answer may be 101: then `detach`.
        """
        self._begin(method, upgrades=upgrades)
        if isinstance(body, bytes):
            self._write(head + body)
        else:
            self._unsent = True
            self._write(head)
            self._pump = asyncio.create_task(self._send(body, chunked=chunked))
            self._pump.add_done_callback(self._sent)
        while not self._has_head:
            await self._news()

    async def read(self) -> bytes:
        """The next piece of the body, empty at its end. BrokenError when it breaks off."""
        while not self._pieces and not self._complete:
            await self._news()
        piece = b"".join(self._pieces)
        self._pieces.clear()
        self._waiting = 0
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()
        return piece

    def finish(self) -> None:
        """Take what has come for the whole answer; the service is hung up on when it has been read."""
        self._complete = True
        self._keep_alive = False
        self._wake()

    def detach(self) -> tuple[asyncio.Transport, bytes]:
        """After a 101: the connection itself, not being read from, and what came after the head."""
        if self._transport is None:
            raise BrokenError("not connected", untouched=False)
        return self._transport, self._begun

    async def stop_sending(self) -> None:
        """What is left of the body stays with whoever gave it."""
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.gather(self._pump, return_exceptions=True)

    @property
    def is_complete(self) -> bool:
        """Whether the whole answer has arrived; what of it was not read yet is at hand."""
        return self._complete

    async def _news(self) -> None:
        if self._broken is not None:
            raise self._broken
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _send(self, body: AsyncIterator[bytes], *, chunked: bool) -> None:
        async for piece in body:
            self._write(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
            await self._writable.wait()
        if chunked:
            self._write(b"0\r\n\r\n")
        self._unsent = False

    def _sent(self, pump: asyncio.Task[None]) -> None:
        if not pump.cancelled() and (error := pump.exception()) is not None and not self._has_head:
            self._break(error if isinstance(error, Exception) else BrokenError("unsent", untouched=False))

    def _write(self, data: bytes) -> None:
        if self._transport is None or self._broken is not None:
            raise self._broken or BrokenError("not connected", untouched=True)
        self._transport.write(data)

    def _break(self, error: Exception) -> None:
        if self._broken is None:
            self._broken = error
        self._writable.set()
        self._wake()

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self._complete:
            # Nobody asked: it could be taken for the answer to the next request.
            self._break(BrokenError("more than one answer", untouched=False))
            self.close()
            return
        self._touched = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._begun = data[upgrade.args[0] :]
            if self._transport is not None:
                self._transport.pause_reading()
        except httptools.HttpParserError as error:
            self._break(BrokenError(f"the answer is not HTTP: {error}", untouched=False))
            self.close()
        if self._waiting > MOST_WAITING and self._transport is not None:
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        self._complete = self._complete or (self._has_head and self._until_close)

    def connection_lost(self, exc: Exception | None) -> None:
        self._break(BrokenError(f"the connection closed: {exc!r}", untouched=not self._touched))

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    # What the parser calls.

    def on_message_begin(self) -> None:
        if self._complete:
            raise ValueError("more than one answer")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._header_bytes += len(name) + len(value)
        if self._header_bytes > MOST_HEADERS:
            raise ValueError("the headers are too large")
        name = name.lower()
        self.headers.append((name, value))
        if name in (b"content-length", b"transfer-encoding"):
            self._until_close = False

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()
        if self.status == 101 and not self._upgrades:
            raise ValueError("an upgrade that nobody asked for")
        if self.status < 200 and self.status != 101:
            # An interim answer: the real one follows.
            self.headers.clear()
            return
        self._has_head = True
        self._keep_alive = self._parser.should_keep_alive()
        # The parser does not know what was asked, so it would wait for the body that a HEAD leaves out.
        self._complete = self._method == "HEAD"

    def on_body(self, body: bytes) -> None:
        if not self._complete:
            self._pieces.append(body)
            self._waiting += len(body)

    def on_message_complete(self) -> None:
        if self._has_head:
            self._complete = True
