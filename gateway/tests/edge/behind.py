"""What stands behind a gateway under test: a real HTTP/1.1 server on a socket, scripted byte by byte."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Seen:
    """A request as it arrived at the service."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    body: bytes = b""

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]

    def one(self, name: str) -> str | None:
        values = self.all(name)
        assert len(values) <= 1, f"{name} arrived {len(values)} times"
        return values[0] if values else None

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body as it comes."""
        if self.one("transfer-encoding") == "chunked":
            while size := int((await self.reader.readline()).strip(), 16):
                yield await self.reader.readexactly(size)
                await self.reader.readexactly(2)
            await self.reader.readexactly(2)
            return
        left = int(self.one("content-length") or 0)
        while left:
            piece = await self.reader.read(min(left, 65536))
            if not piece:
                raise asyncio.IncompleteReadError(b"", left)
            left -= len(piece)
            yield piece

    async def read_body(self) -> bytes:
        self.body = b"".join([piece async for piece in self.pieces()])
        return self.body

    async def answer(self, status: int = 200, body: bytes = b"{}", *headers: tuple[str, str]) -> None:
        """Headers given replace the standard ones of the same name."""
        standard = {"content-type": "application/json", "content-length": str(len(body))}
        named = {name.lower() for name, _ in headers}
        lines = [*((k, v) for k, v in standard.items() if k not in named), *headers]
        head = "".join(f"{name}: {value}\r\n" for name, value in lines)
        self.writer.write(f"HTTP/1.1 {status} Whatever\r\n{head}\r\n".encode() + body)
        await self.writer.drain()


Script = Callable[[Seen], Awaitable[None]]


@dataclass
class Behind:
    """All services at once. `scripts` by path say what they answer; anything else gets 200 and `{}`."""

    jwks: Callable[[], dict[str, Any]]
    revoked: list[dict[str, str]] = field(default_factory=list)
    scripts: dict[str, Script] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    connections: int = 0
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["Behind"]:
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
                await self._answer(Seen(method, target, headers, reader, writer))
        self.gone.set()
        writer.close()

    async def _answer(self, seen: Seen) -> None:
        path = seen.target.partition("?")[0]
        if path == "/api/v1/.well-known/jwks.json" and path not in self.scripts:
            await seen.answer(200, json.dumps(self.jwks()).encode())
        elif path == "/internal/revocations":
            await seen.answer(200, json.dumps({"data": self.revoked}).encode())
        else:
            self.seen.append(seen)
            await self.scripts.get(path, _plainly)(seen)


async def _plainly(seen: Seen) -> None:
    await seen.read_body()
    await seen.answer()
