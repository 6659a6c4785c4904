"""A fake upstream for tests: a real HTTP/1.1 server on a socket, scripted byte by byte."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass
class ReceivedRequest:
    """A request as it arrived at the service."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    body: bytes = b""

    def headers_named(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]

    def header(self, name: str) -> str | None:
        values = self.headers_named(name)
        assert len(values) <= 1, f"{name} arrived {len(values)} times"
        return values[0] if values else None

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body, as it arrives."""
        if self.header("transfer-encoding") == "chunked":
            while size := int((await self.reader.readline()).strip(), 16):
                yield await self.reader.readexactly(size)
                await self.reader.readexactly(2)
            await self.reader.readexactly(2)
            return
        remaining = int(self.header("content-length") or 0)
        while remaining:
            piece = await self.reader.read(min(remaining, 65536))
            if not piece:
                raise asyncio.IncompleteReadError(b"", remaining)
            remaining -= len(piece)
            yield piece

    async def read_body(self) -> bytes:
        self.body = b"".join([piece async for piece in self.pieces()])
        return self.body

    async def respond(self, status: int = 200, body: bytes = b"{}", *headers: tuple[str, str]) -> None:
        """`headers` replace the default ones of the same name."""
        defaults = {"content-type": "application/json", "content-length": str(len(body))}
        replaced = {name.lower() for name, _ in headers}
        lines = [*((k, v) for k, v in defaults.items() if k not in replaced), *headers]
        head = "".join(f"{name}: {value}\r\n" for name, value in lines)
        self.writer.write(f"HTTP/1.1 {status} Reason\r\n{head}\r\n".encode() + body)
        await self.writer.drain()


Script = Callable[[ReceivedRequest], Awaitable[None]]


@dataclass
class FakeUpstream:
    """All services at once. `scripts` by path respond to requests; other requests get 200 and `{}`."""

    jwks: Callable[[], dict[str, Any]]
    revoked: list[dict[str, str]] = field(default_factory=list)
    scripts: dict[str, Script] = field(default_factory=dict)
    requests: list[ReceivedRequest] = field(default_factory=list)
    connections: int = 0
    disconnected: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["FakeUpstream"]:
        tasks: set[asyncio.Task[None]] = set()

        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.connections += 1
            task = asyncio.ensure_future(self._serve(reader, writer))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

        server = await asyncio.start_server(connected, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                first, *lines = head[:-4].split("\r\n")
                method, target, _ = first.split(" ")
                headers = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
                await self._respond(ReceivedRequest(method, target, headers, reader, writer))
        self.disconnected.set()
        writer.close()

    async def _respond(self, request: ReceivedRequest) -> None:
        path = request.target.partition("?")[0]
        if path == "/api/v1/.well-known/jwks.json" and path not in self.scripts:
            await request.respond(200, json.dumps(self.jwks()).encode())
        elif path == "/internal/revocations":
            await request.respond(200, json.dumps({"data": self.revoked}).encode())
        else:
            self.requests.append(request)
            await self.scripts.get(path, _respond_up if path == "/health" else _respond_empty)(request)


async def _respond_up(request: ReceivedRequest) -> None:
    await request.respond(200, b'{"data": {"status": "up"}}')


async def _respond_empty(request: ReceivedRequest) -> None:
    await request.read_body()
    await request.respond()
