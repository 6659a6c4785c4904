"""Health: of the gateway process, and of all services together."""

import asyncio
import time
from collections.abc import Callable, Mapping

import httpx
from pydantic import BaseModel

from common.web.envelope import ok
from gateway.errors import Degraded, NotReady
from gateway.pages.page import Content, json_content

TIMEOUT_SECONDS = 2.0


class ServiceHealth(BaseModel):
    """`status` is up, not_ready or unreachable."""

    status: str
    latency_ms: float


class PlatformHealth(BaseModel):
    """`status` is up if every service is, else degraded."""

    status: str
    services: dict[str, ServiceHealth]


class Health:
    """`urls` by service; `checks` are those of the gateway's own readiness."""

    def __init__(
        self, client: httpx.AsyncClient, urls: Mapping[str, str], checks: Callable[[], Mapping[str, bool]]
    ) -> None:
        self._client = client
        self._urls = urls
        self._checks = checks

    async def live(self) -> Content:
        return json_content(ok({"live": True}))

    async def readiness(self) -> Content:
        """Whether keys and revocations are loaded and the bus is connected. Raises NotReady."""
        checks = dict(self._checks())
        if not all(checks.values()):
            raise NotReady(detail=checks)
        return json_content(ok(checks, "Ready"))

    async def platform(self) -> Content:
        """The readiness of all services. Raises Degraded, which names them, unless all are up."""
        health = await self.check_services()
        if health.status != "up":
            raise Degraded(detail=health.model_dump())
        return json_content(ok(health, "All services are up"))

    async def check_services(self) -> PlatformHealth:
        """Asks all services in parallel."""
        results = await asyncio.gather(*(self._check(url) for url in self._urls.values()))
        services = dict(zip(self._urls, results, strict=True))
        is_up = all(result.status == "up" for result in results)
        return PlatformHealth(status="up" if is_up else "degraded", services=services)

    async def _check(self, url: str) -> ServiceHealth:
        started = time.perf_counter()
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                response = await self._client.get(f"{url}/health/ready")
            status = "up" if response.status_code == 200 else "not_ready"
        except (httpx.HTTPError, TimeoutError, OSError):
            status = "unreachable"
        return ServiceHealth(status=status, latency_ms=round((time.perf_counter() - started) * 1000, 1))
