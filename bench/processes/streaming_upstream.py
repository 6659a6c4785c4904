"""A service with long transfers: large bodies read slowly, large responses, event streams, WebSockets.

Arguments: {"jwks": …, "bytes": …, "read_per_second": …}; prints {"port": …}. It acts as auth too.
"""

import asyncio
import contextlib
import json
from dataclasses import dataclass
from typing import Any

from bench.child import arguments, program, say

PIECE = bytes(range(256)) * 256
BEAT_SECONDS = 5.0
EVENTS = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\r\n"
BEAT = b"9\r\ndata: 1\n\n\r\n"


@dataclass(frozen=True)
class Service:
    """`size` is that of a large response, in bytes; `pace` is how many bytes of a body are read per second."""

    jwks: bytes
    size: int
    pace: float

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
                await self._answer(head, reader, writer)
        writer.close()

    async def _answer(self, head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = head.split(" ", 2)[1]
        if path.endswith("jwks.json"):
            _whole(writer, self.jwks)
        elif path == "/api/v1/media" and head.startswith("post"):
            _whole(writer, json.dumps({"bytes": await self._take(head, reader)}).encode())
        elif path == "/api/v1/media/large":
            await self._give(writer)
        elif path == "/api/v1/notifications/stream":
            await _beat(writer)
        elif "upgrade: websocket" in head:
            await _echo(reader, writer)
        else:
            _whole(writer, b'{"data": []}')

    async def _take(self, head: str, reader: asyncio.StreamReader) -> int:
        """The bytes of a body, read no faster than `pace`."""
        loop, taken = asyncio.get_running_loop(), 0
        started = loop.time()
        while size := await _next_size(head, reader, taken):
            await reader.readexactly(size)
            taken += size
            await asyncio.sleep(max(0.0, started + taken / self.pace - loop.time()))
            if "chunked" in head:
                await reader.readexactly(2)
        if "chunked" in head:
            await reader.readexactly(2)
        return taken

    async def _give(self, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: video/mp4\r\ncontent-length: %d\r\n\r\n" % self.size)
        for _ in range(self.size // len(PIECE)):
            writer.write(PIECE)
            await writer.drain()


async def _next_size(head: str, reader: asyncio.StreamReader, taken: int) -> int:
    if "chunked" in head:
        return int((await reader.readline()).strip(), 16)
    length = int(head.partition("content-length:")[2].split("\r\n", 1)[0])
    return min(length - taken, len(PIECE))


def _whole(writer: asyncio.StreamWriter, body: bytes) -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    writer.write(head % len(body) + body)


async def _beat(writer: asyncio.StreamWriter) -> None:
    writer.write(EVENTS)
    while not writer.is_closing():
        writer.write(BEAT)
        await writer.drain()
        await asyncio.sleep(BEAT_SECONDS)


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(SWITCH)
    while piece := await reader.read(4096):
        writer.write(piece)
        await writer.drain()


async def main(given: dict[str, Any]) -> None:
    service = Service(json.dumps(given["jwks"]).encode(), given["bytes"], given["read_per_second"])
    server = await asyncio.start_server(service.serve, "127.0.0.1", 0, backlog=1024)
    say(port=server.sockets[0].getsockname()[1])
    await server.serve_forever()


if __name__ == "__main__":
    program(main(arguments()))
