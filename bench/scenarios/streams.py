"""Long transfers through one gateway: 100 MB each way, and five hundred event streams and WebSockets for a minute."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit
from uuid import UUID

from bench import gateways
from bench.child import Child
from bench.context import BenchContext
from bench.load import percentile
from bench.procfs import CpuMeter
from bench.procfs import memory as memory_of
from bench.rows import Row
from common import clock
from common.bus.rabbitmq.transport import RabbitTransport
from common.bus.transport import OutboundEvent
from common.contracts.auth import SessionRevoked
from common.events.cloudevent import CloudEvent
from common.ids import new_id
from common.testing.tokens import TestIssuer

MEGABYTES = 100
SIZE = MEGABYTES * 2**20 // 65536 * 65536
READ_PER_SECOND = 25e6
PIECE = os.urandom(65536)
WARM_UP = 4 * 2**20
MAX_GROWTH_MB = 20.0
CLIENTS = 500
WARM_UP_CLIENTS = 20
SAMPLE_SECONDS = 0.02
LATEST_SECONDS = 30.0
UPGRADE = {
    "connection": "Upgrade",
    "upgrade": "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
}


@dataclass(frozen=True)
class GatewayUnderTest:
    """The gateway under test."""

    url: str
    pid: int
    issuer: TestIssuer

    async def ask(self, line: str, headers: Mapping[str, str]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        address = urlsplit(self.url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        writer.write(f"{line} HTTP/1.1\r\nhost: bench\r\n{lines}\r\n".encode())
        return reader, writer

    @property
    def resident(self) -> float:
        """MB."""
        found = memory_of(self.pid)
        return found.resident if found else 0.0


async def streams(context: BenchContext) -> AsyncIterator[Row]:
    """Each part with its own gateway: memory that one has freed would hide the growth of the next."""
    async with _start_gateway(context) as gateway:
        async for row in _transfers(gateway):
            yield row
    for is_socket in (False, True):
        async with _start_gateway(context) as gateway:
            async for row in _open_connections(context, gateway, is_socket=is_socket):
                yield row


@asynccontextmanager
async def _start_gateway(context: BenchContext) -> AsyncIterator[GatewayUnderTest]:
    issuer, stack = TestIssuer(), ExitStack()
    given = {"jwks": {"keys": [issuer.jwk()]}, "bytes": SIZE, "read_per_second": READ_PER_SECOND}
    service = await Child.start("streaming_upstream", given)
    try:
        behind = f"http://127.0.0.1:{(await service.line(20))['port']}"
        routes = context.folder("streams") / "routes.toml"
        routes.write_text(f'[routes."/media"]\nbody_limit = {2 * SIZE}\n')
        url, pid = gateways.start(
            stack, routes.parent, gateways.all_at(behind), context.broker, DUKAN_ROUTES_FILE=str(routes)
        )
        await asyncio.to_thread(gateways.await_answer, f"{url}/api/v1/orders", issuer.bearer())
        yield GatewayUnderTest(url, pid, issuer)
    finally:
        stack.close()
        await service.end()


async def _transfers(gateway: GatewayUnderTest) -> AsyncIterator[Row]:
    for chunked in (False, True):
        await _upload(gateway, WARM_UP, chunked=chunked)
    await _download(gateway)
    for chunked in (False, True):
        kind = "chunked" if chunked else "with its length"
        seconds, growth = await _growing(gateway, _upload(gateway, SIZE, chunked=chunked))
        yield _growth(f"gateway's memory, {MEGABYTES} MB uploaded {kind}", seconds, growth)
    seconds, growth = await _growing(gateway, _download(gateway))
    yield _growth(f"gateway's memory, {MEGABYTES} MB downloaded", seconds, growth)


def _growth(name: str, seconds: float, growth: float) -> Row:
    detail = {"seconds": round(seconds, 1), "mb_per_second": round(SIZE / 1e6 / seconds, 1)}
    return Row(name, growth, "MB more", target=MAX_GROWTH_MB, at_most=True, detail=detail)


async def _growing(gateway: GatewayUnderTest, work: Coroutine[None, None, None]) -> tuple[float, float]:
    """Seconds of the transfer, and the peak growth of the gateway's memory."""
    before, started = gateway.resident, time.perf_counter()
    task = asyncio.create_task(work)
    most = before
    while not task.done():
        most = max(most, gateway.resident)
        await asyncio.sleep(SAMPLE_SECONDS)
    await task
    return time.perf_counter() - started, most - before


async def _upload(gateway: GatewayUnderTest, size: int, *, chunked: bool) -> None:
    framing = {"transfer-encoding": "chunked"} if chunked else {"content-length": str(size)}
    reader, writer = await gateway.ask("POST /api/v1/media", framing | gateway.issuer.bearer())
    for _ in range(size // len(PIECE)):
        writer.write(b"%x\r\n%b\r\n" % (len(PIECE), PIECE) if chunked else PIECE)
        await writer.drain()
    if chunked:
        writer.write(b"0\r\n\r\n")
    answer = await reader.readuntil(b"}")
    writer.close()
    if b'{"bytes": %d}' % size not in answer:
        raise ValueError(f"the upload was answered {answer!r}")


async def _download(gateway: GatewayUnderTest) -> None:
    """No faster than the service reads: the gateway has to wait for the client, too."""
    reader, writer = await gateway.ask("GET /api/v1/media/large", gateway.issuer.bearer())
    await reader.readuntil(b"\r\n\r\n")
    left, started = SIZE, time.perf_counter()
    while left:
        left -= len(await reader.readexactly(min(left, len(PIECE))))
        ahead = (SIZE - left) / READ_PER_SECOND - (time.perf_counter() - started)
        if ahead > 0.005:
            await asyncio.sleep(ahead)
    writer.close()


class Client:
    """Holds one stream. `heard` is set by every message, `ended` when the gateway has closed it."""

    def __init__(self, gateway: GatewayUnderTest, *, is_socket: bool) -> None:
        self.session_id = new_id()
        self.is_socket = is_socket
        self.heard = asyncio.Event()
        self.ended: float | None = None
        self._start_gateway = gateway

    async def open(self) -> None:
        path = "live" if self.is_socket else "stream"
        headers = self._start_gateway.issuer.bearer(sid=str(self.session_id)) | (UPGRADE if self.is_socket else {})
        self._reader, self._writer = await self._start_gateway.ask(f"GET /api/v1/notifications/{path}", headers)
        head = await self._reader.readuntil(b"\r\n\r\n")
        if head[9:12] != (b"101" if self.is_socket else b"200"):
            raise ValueError(f"a stream was answered {head[:40]!r}")
        self.task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        while piece := await self._reader.read(4096):
            if piece[:1] == b"\x88" or piece.endswith(b"0\r\n\r\n"):
                self.ended = time.perf_counter()
                break
            self.heard.set()
        self._writer.close()

    def say(self) -> None:
        """A WebSocket echoes; an event stream sends by itself."""
        if self.is_socket:
            self._writer.write(b"\x82\x01x")

    async def close(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        self._writer.close()


async def _open_connections(context: BenchContext, gateway: GatewayUnderTest, *, is_socket: bool) -> AsyncIterator[Row]:
    kind, seconds = "WebSockets" if is_socket else "streams of events", context.sustained_seconds
    for client in await _connect(gateway, WARM_UP_CLIENTS, is_socket=is_socket):
        await client.close()
    before = gateway.resident
    clients = await _connect(gateway, CLIENTS, is_socket=is_socket)
    yield Row(f"gateway's memory for each of {CLIENTS} {kind}", (gateway.resident - before) * 1000 / CLIENTS, "kB")
    meter = CpuMeter({"gateway": [gateway.pid]})
    await asyncio.sleep(seconds)
    detail = {"held_seconds": seconds, "gateway_cpu_percent": round(meter.spent()["gateway"] / seconds * 100, 1)}
    alive = await _alive(clients)
    yield Row(f"{kind} alive after {seconds:.0f} s", alive, f"of {CLIENTS}", target=CLIENTS, detail=detail)
    ends = await _revoke(context.broker, clients)
    yield Row(
        f"{CLIENTS} sessions revoked: until the last of their {kind} ended",
        max(ends) * 1000 if len(ends) == CLIENTS else None,
        "ms",
        target=1000.0,
        at_most=True,
        detail={"p50_ms": percentile(ends, 50) * 1000, "ended": len(ends)},
    )
    for client in clients:
        await client.close()


async def _connect(gateway: GatewayUnderTest, count: int, *, is_socket: bool) -> list[Client]:
    clients = [Client(gateway, is_socket=is_socket) for _ in range(count)]
    for client in clients:
        await client.open()
    return clients


async def _alive(clients: list[Client]) -> int:
    """The number of streams that still receive data."""
    waits = []
    for client in clients:
        client.heard.clear()
        client.say()
        waits.append(asyncio.create_task(client.heard.wait()))
    heard, silent = await asyncio.wait(waits, timeout=LATEST_SECONDS)
    for wait in silent:
        wait.cancel()
    return len(heard)


async def _revoke(broker: str, clients: list[Client]) -> list[float]:
    """Seconds from the publish until the gateway had closed each client's stream."""
    transport = RabbitTransport(broker, "bench.streams")
    await transport.start()
    try:
        events = [OutboundEvent(CloudEvent.of(_revoked(client.session_id))) for client in clients]
        started = time.perf_counter()
        await transport.publish(events)
        await asyncio.wait([client.task for client in clients], timeout=LATEST_SECONDS)
    finally:
        await transport.close()
    return [client.ended - started for client in clients if client.ended is not None]


def _revoked(session_id: UUID) -> SessionRevoked:
    ends = clock.now() + timedelta(minutes=15)
    return SessionRevoked(session_id=session_id, user_id=new_id(), expires_at=ends, reason="logout")
