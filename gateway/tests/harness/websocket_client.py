"""A WebSocket client for tests, and upstream scripts that accept it."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from fake_upstream import ReceivedRequest
from gateway_harness import RunningGateway

SOCKET = "/api/v1/notifications/live"
KEY = base64.b64encode(bytes(16)).decode()
CLOSE_FRAME = 0x88
EVENT_STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


@dataclass
class Socket:
    """A client's connection. `head` is the response to the handshake."""

    head: str
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @property
    def status(self) -> int:
        return int(self.head.split(" ")[1])

    def header(self, name: str) -> str | None:
        lines = (line.partition(":") for line in self.head.split("\r\n")[1:])
        return next((value.strip() for key, _, value in lines if key.lower() == name), None)

    async def frame(self) -> tuple[int, bytes]:
        """The first byte and the payload of the next frame, which must be short."""
        first, size = await asyncio.wait_for(self.reader.readexactly(2), 5)
        return first, await asyncio.wait_for(self.reader.readexactly(size), 5)


@asynccontextmanager
async def socket(gateway: RunningGateway, path: str = SOCKET, **headers: str) -> AsyncIterator[Socket]:
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    lines = {
        "Host": "shop",
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Key": KEY,
        "Sec-WebSocket-Version": "13",
    } | {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    writer.write(f"GET {path} HTTP/1.1\r\n{head}\r\n".encode())
    try:
        response = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        yield Socket(response.decode(), reader, writer)
    finally:
        writer.close()


async def accept(request: ReceivedRequest, *headers: tuple[str, str]) -> None:
    key = (request.header("sec-websocket-key") or "").encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    accept_key = base64.b64encode(hashlib.sha1(key, usedforsecurity=False).digest()).decode()
    all_headers = [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", accept_key), *headers]
    lines = "".join(f"{name}: {value}\r\n" for name, value in all_headers)
    request.writer.write(f"HTTP/1.1 101 Switching Protocols\r\n{lines}\r\n".encode())
    await request.writer.drain()


async def echo(request: ReceivedRequest) -> None:
    """Sends a frame together with the head of the response, then echoes what it receives."""
    await accept(request)
    request.writer.write(b"\x82\x05hello")
    while piece := await request.reader.read(65536):
        request.writer.write(piece)
        await request.writer.drain()
