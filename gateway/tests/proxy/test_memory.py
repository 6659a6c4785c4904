"""The memory of the gateway's process, C buffers included, with 100 MB each way while the other side pauses."""

import asyncio
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from fake_upstream import FakeUpstream, ReceivedRequest

from common.testing import eventually

PATH = "/api/v1/products"
PIECE = bytes(range(256)) * 256
PIECES = 1600
SIZE = PIECES * len(PIECE)
MAX_BYTES = 20e6
PROC = Path("/proc")


@dataclass
class GatewayProcess:
    port: int
    pid: int

    @property
    def resident(self) -> int:
        status = (PROC / str(self.pid) / "status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) * 1024

    async def ask(self, head: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(f"{head}\r\nHost: shop\r\n\r\n".encode())
        return reader, writer


@pytest.fixture(scope="module")
async def upstream() -> AsyncIterator[FakeUpstream]:
    async with FakeUpstream(lambda: {"keys": []}).listening() as upstream:
        yield upstream


@pytest.fixture(scope="module")
async def process(upstream: FakeUpstream) -> AsyncIterator[GatewayProcess]:
    program = str(Path(__file__).parents[1] / "gateway_process.py")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", program, upstream.url, str(SIZE), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    gateway = GatewayProcess(int(await asyncio.wait_for(process.stdout.readline(), 60)), process.pid)
    await eventually(lambda: _responds(gateway), within=60)
    yield gateway
    process.terminate()
    await process.wait()


async def _responds(process: GatewayProcess) -> bool:
    try:
        reader, writer = await process.ask(f"GET {PATH} HTTP/1.1")
    except ConnectionError:
        return False
    answered = await reader.readline() == b"HTTP/1.1 200 OK\r\n"
    writer.close()
    return answered


class Gauge:
    """Counts pieces; `stalls` waits until no more pass, which means that all buffers are full."""

    def __init__(self) -> None:
        self.pieces = 0

    async def stalls(self) -> None:
        before = -1
        while self.pieces != before:
            before = self.pieces
            await asyncio.sleep(0.2)


@pytest.mark.parametrize("framing", [f"Content-Length: {SIZE}", "Transfer-Encoding: chunked"])
async def test_an_upload_is_not_buffered_while_the_service_pauses(
    process: GatewayProcess, upstream: FakeUpstream, framing: str
) -> None:
    sent, before, paused_at, received = Gauge(), process.resident, 0, 0

    async def pause_and_receive(request: ReceivedRequest) -> None:
        nonlocal paused_at, received
        await sent.stalls()
        paused_at = process.resident
        async for piece in request.pieces():
            received += len(piece)
        await request.respond()

    upstream.scripts[PATH] = pause_and_receive
    reader, writer = await process.ask(f"POST {PATH} HTTP/1.1\r\n{framing}")
    for _ in range(PIECES):
        writer.write(b"%x\r\n%b\r\n" % (len(PIECE), PIECE) if "chunked" in framing else PIECE)
        await writer.drain()
        sent.pieces += 1
    if "chunked" in framing:
        writer.write(b"0\r\n\r\n")

    assert await asyncio.wait_for(reader.readline(), 20) == b"HTTP/1.1 200 OK\r\n"
    assert received == SIZE
    assert max(paused_at, process.resident) - before < MAX_BYTES
    writer.close()


async def test_a_download_is_not_buffered_while_the_client_pauses(
    process: GatewayProcess, upstream: FakeUpstream
) -> None:
    sent, before = Gauge(), process.resident

    async def send(request: ReceivedRequest) -> None:
        request.writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % SIZE)
        for _ in range(PIECES):
            request.writer.write(PIECE)
            await request.writer.drain()
            sent.pieces += 1

    upstream.scripts[PATH] = send
    reader, writer = await process.ask(f"GET {PATH} HTTP/1.1")
    await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)
    await sent.stalls()
    paused_at = process.resident
    for _ in range(PIECES):
        assert await asyncio.wait_for(reader.readexactly(len(PIECE)), 20) == PIECE

    assert sent.pieces == PIECES
    assert max(paused_at, process.resident) - before < MAX_BYTES
    writer.close()
