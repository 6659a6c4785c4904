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
    """`status` is up, degraded (it answers, and its broker is away), not_ready or unreachable."""

    status: str
    latency_ms: float


class PlatformHealth(BaseModel):
    """`status` is up if the gateway has its broker and every service is up, else degraded."""

    status: str
    broker: bool
    services: dict[str, ServiceHealth]


class Health:
    """`urls` by service; `checks` are those of the gateway's own readiness, `broker` whether it has its broker."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        urls: Mapping[str, str],
        checks: Callable[[], Mapping[str, bool]],
        broker: Callable[[], bool],
    ) -> None:
        self._client = client
        self._urls = urls
        self._checks = checks
        self._broker = broker

    async def live(self) -> Content:
        return json_content(ok({"live": True}))

    async def readiness(self) -> Content:
        """Whether this process can answer: see `checks`. Raises NotReady.

        The broker is not asked for: forwarding needs none, and all gateways would leave the load balancer at once.
        """
        checks = dict(self._checks())
        if not all(checks.values()):
            raise NotReady(detail=checks)
        return json_content(ok(checks, "Ready"))

    async def platform(self) -> Content:
        """The health of all services. Raises Degraded, which names them, unless all are up."""
        health = await self.check_services()
        if health.status != "up":
            raise Degraded(detail=health.model_dump())
        return json_content(ok(health, "All services are up"))

    async def check_services(self) -> PlatformHealth:
        """Asks all services in parallel."""
        results = await asyncio.gather(*(self._check(url) for url in self._urls.values()))
        services = dict(zip(self._urls, results, strict=True))
        broker = self._broker()
        is_up = broker and all(result.status == "up" for result in results)
        return PlatformHealth(status="up" if is_up else "degraded", broker=broker, services=services)

    async def _check(self, url: str) -> ServiceHealth:
        started = time.perf_counter()
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                response = await self._client.get(f"{url}/health")
            status = str(response.json()["data"]["status"]) if response.status_code == 200 else "not_ready"
        except (httpx.HTTPError, TimeoutError, OSError, ValueError, LookupError, TypeError):
            status = "unreachable"
        return ServiceHealth(status=status, latency_ms=round((time.perf_counter() - started) * 1000, 1))
