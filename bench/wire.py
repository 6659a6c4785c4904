"""A small HTTP/1.1 client for load: keep-alive connections that send prepared bytes and count answers.

A load generator shares the two cores with what it measures, so it does as little as HTTP allows: it reads the status
line and the Content-Length, nothing else, and keeps bodies only when asked.
"""

import asyncio
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit


def request(method: str, path: str, headers: Mapping[str, str], body: Any = None) -> bytes:
    """The bytes of a request."""
    payload = b"" if body is None else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", "Host: bench", *(f"{name}: {value}" for name, value in headers.items())]
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(payload)}"]
    return "\r\n".join([*lines, "", ""]).encode() + payload


class Connection:
    """One keep-alive connection; `send` answers with the status and the body. Not for concurrent use."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, url: str) -> "Connection":
        address = urlsplit(url)
        return cls(*await asyncio.open_connection(address.hostname, address.port))

    async def send(self, data: bytes) -> tuple[int, bytes]:
        self._writer.write(data)
        head = await self._reader.readuntil(b"\r\n\r\n")
        lowered = head.lower()
        if b"transfer-encoding: chunked" in lowered:
            body = await self._chunks()
        else:
            at = lowered.find(b"content-length:")
            length = int(lowered[at + 15 : lowered.index(b"\r\n", at)]) if at >= 0 else 0
            body = await self._reader.readexactly(length) if length else b""
        return int(head[9:12]), body

    async def _chunks(self) -> bytes:
        parts = []
        while size := int((await self._reader.readline()).split(b";")[0], 16):
            parts.append(await self._reader.readexactly(size))
            await self._reader.readline()
        await self._reader.readline()
        return b"".join(parts)

    def close(self) -> None:
        self._writer.close()
