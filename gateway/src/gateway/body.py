"""A request's body on its way to a service: small ones in one piece, large ones as they come."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from starlette.types import Receive

from common.errors import DukanError
from gateway.errors import BodyTooLarge, ClientLeft, RequestTimeout
from gateway.presence import Presence

BUFFERED = 64 * 1024
LINGER_BYTES = 4 * 1024 * 1024
LINGER_SECONDS = 2.0


class Body:
    """Reads the client's body. At most one piece of it (what the server received at once) is held at a time.

    `length` is what the client declared, None when it did not. `limit` is in bytes, `idle` the seconds that a client
    may pause. Once all is read, `presence` takes over `receive`.
    """

    def __init__(self, receive: Receive, length: int | None, presence: Presence, *, limit: int, idle: float) -> None:
        self._receive = receive
        self._presence = presence
        self._limit = limit
        self._idle = idle
        self._read = 0
        self._ended = length == 0
        self._start = b""
        self.length = length

    @property
    def streams(self) -> bool:
        return not self._ended

    async def begin(self) -> bytes:
        """Read until the end or the first 64 KiB. What is left (see `streams`) comes from `chunks`."""
        if self.length is not None and self.length > self._limit:
            raise BodyTooLarge
        pieces = bytearray()
        if self._ended:
            self._presence.begin()
        while not self._ended and len(pieces) < BUFFERED and (self.length or 0) <= BUFFERED:
            pieces += await self._next()
        self._start = bytes(pieces)
        return self._start

    async def chunks(self, progress: Callable[[], None]) -> AsyncIterator[bytes]:
        """The whole body, piece by piece; `progress` is called before each."""
        if self._start:
            yield self._start
        while not self._ended:
            piece = await self._next()
            progress()
            if piece:
                yield piece

    async def discard(self) -> None:
        """Take in what the client still sends, within bounds: many read an answer only when they have sent it all."""
        self._limit = self._read + LINGER_BYTES
        with contextlib.suppress(TimeoutError, ClientLeft, DukanError):
            async with asyncio.timeout(LINGER_SECONDS):
                while not self._ended:
                    await self._next()

    async def _next(self) -> bytes:
        try:
            async with asyncio.timeout(self._idle):
                message = await self._receive()
        except TimeoutError:
            raise RequestTimeout from None
        if message["type"] == "http.disconnect":
            raise ClientLeft
        if not message.get("more_body", False):
            self._ended = True
            self._presence.begin()
        piece: bytes = message.get("body", b"")
        self._read += len(piece)
        if self._read > self._limit:
            raise BodyTooLarge
        return piece
