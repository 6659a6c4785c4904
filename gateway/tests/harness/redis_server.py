"""A Redis for tests: the real server if it is installed, else a fake one that knows only the limits' script."""

import asyncio
import math
import shutil
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@asynccontextmanager
async def redis_on(port: int) -> AsyncIterator[None]:
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    async with _real(program, port) if program else _fake(port):
        yield


@asynccontextmanager
async def _real(program: str, port: int) -> AsyncIterator[None]:
    options = ("--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no")
    quiet = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(program, *options, stdout=quiet, stderr=quiet)
    try:
        yield
    finally:
        process.kill()
        await process.wait()


@asynccontextmanager
async def _fake(port: int) -> AsyncIterator[None]:
    full_at: dict[str, float] = {}
    writers: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                words = [await _word(reader) for _ in range(int((await reader.readuntil(b"\r\n"))[1:]))]
                writer.write(_answer(full_at, words))
        writers.discard(writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    try:
        yield
    finally:
        server.close()
        for writer in list(writers):
            writer.transport.abort()


def _answer(full_at: dict[str, float], words: list[str]) -> bytes:
    if words[0] == "EVALSHA":
        return _numbers(_gcra(full_at, words[2:]))
    return b"$3\r\nsha\r\n" if words[0] == "SCRIPT" else b"+OK\r\n"


async def _word(reader: asyncio.StreamReader) -> str:
    size = int((await reader.readuntil(b"\r\n"))[1:])
    return (await reader.readexactly(size + 2))[:-2].decode()


def _numbers(numbers: list[int]) -> bytes:
    return b"*%d\r\n" % len(numbers) + b"".join(b":%d\r\n" % number for number in numbers)


def _gcra(full_at: dict[str, float], words: list[str]) -> list[int]:
    """The script of `gateway.limits.shared`, in Python."""
    count, now = int(words[0]), time.time() * 1e6
    keys, values = words[1 : count + 1], words[count + 1 :]
    ahead, rejected_by = [], 0
    for at, key in enumerate(keys):
        interval, burst, mode = float(values[3 * at]), int(values[3 * at + 1]), values[3 * at + 2]
        ahead.append(max(full_at.get(key, now), now) + interval - now)
        if not rejected_by and mode != "charge" and ahead[-1] > burst * interval + 1:
            rejected_by = at + 1
    for at, key in enumerate(keys):
        if not rejected_by and values[3 * at + 2] != "peek":
            full_at[key] = now + ahead[at]
    return [rejected_by, *map(math.floor, ahead)]
