"""A gateway on a socket, between a client and services that are sockets too."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import uvicorn

from common.testing import RecordingTransport, TestIssuer, eventually
from gateway.app import build
from gateway.routes import SERVICES
from gateway.settings import Settings

from .behind import Behind


class Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@dataclass
class Door:
    """A running gateway. `client` keeps its connections; `raw` opens a new one and says exactly what it is told."""

    client: httpx.AsyncClient
    port: int
    transport: RecordingTransport

    async def raw(self, request: bytes) -> bytes:
        """Everything that the gateway answers until it closes or is silent for a moment."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(request)
        answer = b""
        with contextlib.suppress(TimeoutError, ConnectionError):
            while piece := await asyncio.wait_for(reader.read(65536), 0.5):
                answer += piece
        writer.close()
        return answer


OpenDoor = Callable[..., Awaitable[Door]]


@pytest.fixture
async def behind(tokens: TestIssuer) -> AsyncIterator[Behind]:
    async with Behind(lambda: {"keys": [tokens.jwk()]}).listening() as behind:
        yield behind


@pytest.fixture
async def open_door(behind: Behind, transport: RecordingTransport) -> AsyncIterator[OpenDoor]:
    """`await open_door(max_body_bytes=100, …)`: a gateway with these settings."""
    async with AsyncExitStack() as stack:

        async def opened(**settings: Any) -> Door:
            urls = {f"{service}_url": behind.url for service in SERVICES}
            return await stack.enter_async_context(_door(Settings.model_validate(urls | settings), transport))

        yield opened


@pytest.fixture
async def door(open_door: OpenDoor) -> Door:
    return await open_door()


@asynccontextmanager
async def _door(settings: Settings, transport: RecordingTransport) -> AsyncIterator[Door]:
    app = build(settings, transport)
    config = uvicorn.Config(
        app,
        port=0,
        lifespan="on",
        http=app.http_protocol,
        log_config=None,
        proxy_headers=False,
        server_header=False,
        # Longer than the client keeps one, as in production: else both may close it as a request goes out.
        timeout_keep_alive=75,
    )
    server = Server(config)
    serving = asyncio.create_task(server.serve())
    await eventually(lambda: _started(server))
    port = server.servers[0].sockets[0].getsockname()[1]
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10, trust_env=False) as client:
        await eventually(lambda: _ready(client))
        yield Door(client, port, transport)
    server.should_exit = True
    await serving


async def _started(server: Server) -> bool:
    return server.started


async def _ready(client: httpx.AsyncClient) -> bool:
    return (await client.get("/health/ready")).status_code == 200
