"""A gateway on a socket, between a client and a fake upstream on a socket."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import uvicorn

from common.drain import Drain
from common.testing import RecordingTransport, eventually
from gateway.app import build
from gateway.settings import Settings

LOGIN = "/api/v1/auth/login"
API_KEY = f"dk_{'0' * 16}_{'s' * 43}"
PRODUCTION = {"mode": "production", "amqp_url": "amqp://broker/", "issuer": "https://dukan.local", "audience": "dukan"}


class Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@dataclass
class RunningGateway:
    """`client` keeps its connections open; `raw` opens a new one and sends exactly the given bytes."""

    client: httpx.AsyncClient
    port: int
    transport: RecordingTransport
    drain: Drain
    server: uvicorn.Server

    async def raw(self, request: bytes) -> bytes:
        """Everything that the gateway sends until it closes the connection or is silent for half a second."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(request)
        response = b""
        with contextlib.suppress(TimeoutError, ConnectionError):
            while piece := await asyncio.wait_for(reader.read(65536), 0.5):
                response += piece
        writer.close()
        return response


OpenGateway = Callable[..., Awaitable[RunningGateway]]


@dataclass
class FakeClock:
    at: float = 1000.0

    def __call__(self) -> float:
        return self.at


async def open_production(open_gateway: OpenGateway, **settings: Any) -> RunningGateway:
    """A gateway in production mode, where loopback is not exempt from limits."""
    return await open_gateway(**PRODUCTION, **settings)


@asynccontextmanager
async def run_gateway(settings: Settings, transport: RecordingTransport) -> AsyncIterator[RunningGateway]:
    app = build(settings, transport)
    config = uvicorn.Config(
        app,
        port=0,
        lifespan="on",
        http=app.http_protocol,
        log_config=None,
        proxy_headers=False,
        server_header=False,
        # Longer than the client's, as in production: otherwise both may close a connection as a request is sent.
        timeout_keep_alive=75,
    )
    server = Server(config)
    serving = asyncio.create_task(server.serve())
    await eventually(lambda: _has_started(server))
    port = server.servers[0].sockets[0].getsockname()[1]
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10, trust_env=False) as client:
        await eventually(lambda: _is_ready(client))
        yield RunningGateway(client, port, transport, app.drain, server)
    server.should_exit = True
    await serving


async def _has_started(server: Server) -> bool:
    return server.started


async def _is_ready(client: httpx.AsyncClient) -> bool:
    return (await client.get("/health/ready")).status_code == 200


def api_key_headers(key: str = API_KEY) -> dict[str, str]:
    return {"Authorization": f"ApiKey {key}"}
