"""HTTP over a raw socket: requests that no client library sends, and the response until the connection ends."""

import asyncio
import contextlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

GOOD = b"GET /health/live HTTP/1.1\r\nHost: shop\r\nX-Request-ID: the-good-one\r\nConnection: close\r\n\r\n"
STATUS = re.compile(rb"HTTP/1\.[01] (\d{3}) ")
TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True)
class Received:
    """Everything that was received, until the connection ended."""

    text: bytes

    @property
    def statuses(self) -> list[int]:
        return [int(status) for status in STATUS.findall(self.text)]

    @property
    def is_in_sync(self) -> bool:
        """Either the next request was answered as such, or the connection was closed before it."""
        live = self.text.count(b'"live":true')
        return (live == 1 and len(self.statuses) == 2) or live == 0


async def say(port: int, *pieces: bytes) -> Received:
    """Send the pieces, and read until the server closes; raises TimeoutError if it does not."""
    async with asyncio.timeout(TIMEOUT_SECONDS):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        sending = asyncio.create_task(_send(writer, pieces))
        received_bytes = bytearray()
        try:
            while received := await reader.read(65536):
                received_bytes += received
        except ConnectionError:
            pass  # closed while we are sending: that is an end as well
        finally:
            sending.cancel()
            writer.close()
        return Received(bytes(received_bytes))


async def _send(writer: asyncio.StreamWriter, pieces: Sequence[bytes]) -> None:
    with contextlib.suppress(ConnectionError):
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
