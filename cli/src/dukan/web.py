"""ASGI applications on their ports, several in one event loop."""

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Iterator, Sequence

import httpx
import uvicorn
from starlette.types import ASGIApp

from common.web.server_protocol import ServerProtocol
from dukan.errors import ProvisionError

GRACE_SECONDS = 2
# Longer than our clients keep an idle connection, so that none is closed while a request is on its way.
KEEP_ALIVE_SECONDS = 75


class Server(uvicorn.Server):
    """A uvicorn server that leaves signal handling to its caller."""

    def __init__(self, name: str, app: ASGIApp, host: str, port: int):
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
                timeout_graceful_shutdown=GRACE_SECONDS,
            )
        )
        self.name = name

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


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
