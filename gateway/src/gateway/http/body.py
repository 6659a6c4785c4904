"""A request's body on its way to a service: small bodies in one piece, large ones as they arrive."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from starlette.types import Receive

from common.errors import DukanError, PayloadTooLarge
from gateway.errors import ClientDisconnected, RequestTimeout

BUFFER_BYTES = 64 * 1024
LINGER_BYTES = 4 * 1024 * 1024
LINGER_SECONDS = 2.0


class RequestBody:
    """Reads the client's body, holding at most one piece of it (what the server received at once).

    `length` is what the client declared, None if it declared nothing. `max_bytes` is the route's limit,
    `idle_timeout` the seconds that a client may pause. `on_end` is called once, when everything has been read.
    """

    def __init__(
        self,
        receive: Receive,
        length: int | None,
        on_end: Callable[[], None],
        *,
        max_bytes: int,
        idle_timeout: float,
    ) -> None:
        self._receive = receive
        self._on_end = on_end
        self._max_bytes = max_bytes
        self._idle_timeout = idle_timeout
        self._bytes_read = 0
        self._ended = length == 0
        self._start = b""
        self.length = length

    @property
    def is_streamed(self) -> bool:
        """Whether part of the body is still to be read."""
        return not self._ended

    async def read_start(self) -> bytes:
        """Read up to the end or the first 64 KiB. `chunks` gives the rest, see `is_streamed`."""
        if self.length is not None and self.length > self._max_bytes:
            raise PayloadTooLarge
        pieces = bytearray()
        if self._ended:
            self._on_end()
        while not self._ended and len(pieces) < BUFFER_BYTES and (self.length or 0) <= BUFFER_BYTES:
            pieces += await self._next()
        self._start = bytes(pieces)
        return self._start

    async def chunks(self, on_chunk: Callable[[], None]) -> AsyncIterator[bytes]:
        """The whole body, piece by piece; `on_chunk` is called after each piece that was received."""
        if self._start:
            yield self._start
        while not self._ended:
            piece = await self._next()
            on_chunk()
            if piece:
                yield piece

    async def discard(self) -> None:
        """Read and drop what the client still sends, within bounds: many read a response only after sending it all."""
        self._max_bytes = self._bytes_read + LINGER_BYTES
        with contextlib.suppress(TimeoutError, ClientDisconnected, DukanError):
            async with asyncio.timeout(LINGER_SECONDS):
                while not self._ended:
                    await self._next()

    async def _next(self) -> bytes:
        try:
            async with asyncio.timeout(self._idle_timeout):
                message = await self._receive()
        except TimeoutError:
            raise RequestTimeout from None
        if message["type"] == "http.disconnect":
            raise ClientDisconnected
        if not message.get("more_body", False):
            self._ended = True
            self._on_end()
        piece: bytes = message.get("body", b"")
        self._bytes_read += len(piece)
        if self._bytes_read > self._max_bytes:
            raise PayloadTooLarge
        return piece
