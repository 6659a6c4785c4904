"""ASGI applications on their ports, several in one event loop."""

import asyncio
import contextlib
import math
import os
import socket
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import httpx
import uvicorn
from starlette.types import ASGIApp

from common.web.server_protocol import ServerProtocol
from dukan.errors import ProvisionError

if TYPE_CHECKING:
    from common.drain import Drain

RELEASE_SECONDS = 5.0
"""What a process may need, after its last request, to stop its jobs and to close its connections."""
# Longer than our clients keep an idle connection, so that none is closed while a request is on its way.
KEEP_ALIVE_SECONDS = 75


class Server(uvicorn.Server):
    """A uvicorn server that leaves signal handling to its caller, and drains before it stops.

    Once `should_exit` is set, readiness is false, waits and streams are ended, and new requests are still answered for
    `drain_delay` seconds. Then it accepts no more connections, and cuts off what is left at `drain_seconds`.
    """

    def __init__(self, name: str, app: ASGIApp, host: str, port: int, *, drain_seconds: float, drain_delay: float):
        super().__init__(
            uvicorn.Config(
                app,
                host=host,
                port=port,
                lifespan="on",
                # The gateway brings its own, which bounds what a client may send and how slowly.
                http=getattr(app, "http_protocol", ServerProtocol),
                log_config=None,
                log_level="warning",
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=math.ceil(max(0.0, drain_seconds - drain_delay)),
            )
        )
        self.name = name
        self._drain = drain_of(app)
        self._delay = min(drain_delay, drain_seconds)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._drain.begin()
        if self._delay:
            await asyncio.sleep(self._delay)
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def drain_of(app: Any) -> "Drain":
    """The drain of a service, which FastAPI keeps in its state, or of the gateway."""
    drain: Drain = app.state.drain if hasattr(app, "state") else app.drain
    return drain


async def start(server: Server) -> asyncio.Task[None]:
    """Serve in the background; returns when the server accepts requests. Raises ProvisionError if it does not start."""
    config = server.config
    sockets = [bind(config.host, config.port)]
    task = asyncio.create_task(server.serve(sockets), name=f"serve:{server.name}")
    while not server.started:
        if task.done():
            sockets[0].close()
            await task
            raise ProvisionError(f"{server.name} does not start; its log says why")
        await asyncio.sleep(0.01)
    return task


def bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    if os.name == "posix":
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise ProvisionError(f"cannot listen on {host}:{port}: {error.strerror}") from error
    return listener


async def wait_ready(urls: Sequence[str], within: float) -> list[str]:
    """Poll `/health/ready` of each base URL; returns those that were not ready in time."""
    deadline = time.monotonic() + within
    waiting = list(urls)
    async with httpx.AsyncClient(timeout=3.0, trust_env=False) as client:
        while waiting and time.monotonic() < deadline:
            ready = await asyncio.gather(*(_is_ready(client, url) for url in waiting))
            waiting = [url for url, is_ready in zip(waiting, ready, strict=True) if not is_ready]
            if waiting:
                await asyncio.sleep(0.05)
    return waiting


async def _is_ready(client: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await client.get(f"{url}/health/ready")).status_code == 200
    except httpx.HTTPError:
        return False
