"""Gateway and services in one process, with one event loop and the durable in-process transport."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.types import ASGIApp

from common.bus.embedded import EmbeddedTransport
from common.bus.subscriptions import collect
from common.settings import ServiceSettings
from common.web.app import create_app
from common.web.service import Service
from dukan import services, web
from dukan.installation import HOST, Platform
from dukan.services import GATEWAY, PORTS, SERVICES


@dataclass
class Embedded:
    """Runs everything on `platform`'s ports; `urls` is service → database."""

    platform: Platform
    urls: Mapping[str, str]

    def __post_init__(self) -> None:
        self._transport = EmbeddedTransport()
        self._running: list[tuple[web.Server, asyncio.Task[None]]] = []
        self._stop_seconds = 0.0

    async def start(self) -> None:
        """auth first, because the others fetch its keys; the gateway last, when its services are up."""
        loaded = [self._load(name) for name in SERVICES]
        # Every queue must exist before the first relay runs: it publishes to the queues that exist.
        transports = [self._transport.bound(service.database) for service in loaded]
        for service, transport in zip(loaded, transports, strict=True):
            await transport.declare(collect(*service.subscribers))
        for service, transport in zip(loaded, transports, strict=True):
            await self._serve(service.name, create_app(service, transport, "all"), service.settings)
        settings = services.settings_of(GATEWAY, **self.platform.settings_of(GATEWAY))
        await self._serve(GATEWAY, services.load_gateway(settings, self._transport), settings)

    async def stop(self) -> None:
        """Stop all at once; each finishes its current requests within a bounded time."""
        for server, _ in self._running:
            server.should_exit = True
        if self._running:
            await asyncio.wait([task for _, task in self._running], timeout=self._stop_seconds)
        for _, task in self._running:
            task.cancel()
        await asyncio.gather(*(task for _, task in self._running), return_exceptions=True)
        await self._transport.close()

    async def ended(self) -> None:
        """Returns when the first of them has ended."""
        await asyncio.wait([task for _, task in self._running], return_when=asyncio.FIRST_COMPLETED)

    def _load(self, name: str) -> Service:
        return services.load(name, services.settings_of(name, **self.platform.settings_of(name, self.urls[name])))

    async def _serve(self, name: str, app: ASGIApp, settings: ServiceSettings) -> None:
        port, delay = self.platform.port + PORTS[name], settings.drain_delay
        server = web.Server(name, app, HOST, port, drain_seconds=settings.drain_seconds, drain_delay=delay)
        self._stop_seconds = max(self._stop_seconds, settings.drain_seconds + web.RELEASE_SECONDS)
        self._running.append((server, await web.start(server)))
