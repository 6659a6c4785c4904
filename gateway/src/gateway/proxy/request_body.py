"""A request's body on its way to a service: small bodies in one piece, large ones as they arrive."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Hashable
from dataclasses import dataclass

from starlette.types import Message, Receive

from common.errors import DukanError, PayloadTooLarge
from gateway.errors import ClientDisconnected, RequestTimeout
from gateway.limits.bodies import BodyLimits

BUFFER_BYTES = 64 * 1024
LINGER_BYTES = 4 * 1024 * 1024
LINGER_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How slowly a client may send a body: it may pause for `max_pause` seconds, in one piece or in several, where each
    byte gives 1 / `min_rate` seconds back, and take `max_seconds` in all.
    """

    max_pause: float
    min_rate: float
    max_seconds: float


class Allowance:
    """How long a client may still take. Only the time in which the gateway waits for it counts, not that of a service
    that reads slowly.
    """

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._pause_left = pace.max_pause
        self._seconds_left = pace.max_seconds

    @property
    def seconds(self) -> float:
        """How long the next piece may take."""
        return min(self._pause_left, self._seconds_left)

    def spend(self, seconds: float, size: int) -> None:
        """A piece of this size has arrived after so many seconds."""
        self._seconds_left -= seconds
        self._pause_left = min(self._pause_left - seconds + size / self._pace.min_rate, self._pace.max_pause)


class RequestBody:
    """Reads the client's body, holding at most one piece of it (what the server received at once).

    `length` is what the client declared, None if it declared nothing; `has_arrived` is whether the server has all of
    it. `max_bytes` is the route's limit. `on_end` is called once, when everything has been read. A body that has not
    arrived counts in `limits` for the client's `address`, a streamed one until `release`.
    """

    def __init__(
        self,
        receive: Receive,
        length: int | None,
        on_end: Callable[[], None],
        *,
        has_arrived: bool,
        max_bytes: int,
        pace: Pace,
        limits: BodyLimits,
        address: Hashable,
    ) -> None:
        self._receive = receive
        self._on_end = on_end
        self._has_arrived = has_arrived
        self._max_bytes = max_bytes
        self._allowance = Allowance(pace)
        self._limits = limits
        self._address = address
        self._is_counted = False
        self._bytes_read = 0
        self._ended = length == 0
        self._start = b""
        self.length = length

    @property
    def is_streamed(self) -> bool:
        """Whether part of the body is still to be read."""
        return not self._ended

    async def read_start(self) -> bytes:
        """Read up to the end or the first 64 KiB. `chunks` gives the rest, see `is_streamed`.

        Raises PayloadTooLarge, RequestTimeout, or what `BodyLimits.enter` raises.
        """
        if self.length is not None and self.length > self._max_bytes:
            raise PayloadTooLarge
        if self._ended:
            self._on_end()
        elif self._has_arrived:
            self._start = self._taken(await self._receive())
        else:
            await self._wait_for_start()
        return self._start

    async def _wait_for_start(self) -> None:
        self._limits.enter(self._address)
        self._is_counted = True
        pieces = bytearray()
        while not self._ended and len(pieces) < BUFFER_BYTES and (self.length or 0) <= BUFFER_BYTES:
            pieces += await self._next()
        self._start = bytes(pieces)
        if self._ended:
            self.release()

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

    def release(self) -> None:
        """The body does not count any more."""
        if self._is_counted:
            self._is_counted = False
            self._limits.leave(self._address)

    async def _next(self) -> bytes:
        started = time.monotonic()
        try:
            async with asyncio.timeout(self._allowance.seconds):
                message = await self._receive()
        except TimeoutError:
            raise RequestTimeout from None
        piece = self._taken(message)
        self._allowance.spend(time.monotonic() - started, len(piece))
        return piece

    def _taken(self, message: Message) -> bytes:
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
