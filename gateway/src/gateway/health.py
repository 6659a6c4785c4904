"""How the platform is doing: the gateway by itself, and the services behind it in one sum."""

import asyncio
import time
from collections.abc import Callable, Mapping

import httpx
from pydantic import BaseModel

from common.errors import Unavailable
from common.web.envelope import ok
from gateway.pages import Content, json_of

TIMEOUT = 2.0


class ServiceHealth(BaseModel):
    """`status` is up, not_ready or unreachable."""

    status: str
    latency_ms: float


class PlatformHealth(BaseModel):
    """`status` is up when every service is."""

    status: str
    services: dict[str, ServiceHealth]


class NotAllUp(Unavailable):
    """Names every service that is not up."""

    code = "degraded"


class Health:
    """`urls` by service; `ready` says whether the gateway itself may be sent requests."""

    def __init__(self, client: httpx.AsyncClient, urls: Mapping[str, str], ready: Callable[[], Mapping[str, bool]]):
        self._client = client
        self._urls = urls
        self._ready = ready

    async def live(self) -> Content:
        return json_of(ok({"live": True}))

    async def readiness(self) -> Content:
        """Keys and revocations are loaded and the bus is there."""
        checks = dict(self._ready())
        if not all(checks.values()):
            raise Unavailable("Not ready", code="not_ready", retry_after=1, detail=checks)
        return json_of(ok(checks, "Ready"))

    async def platform(self) -> Content:
        """The readiness of all services, asked in parallel; 503 naming them unless all are up."""
        health = await self.ask()
        if health.status != "up":
            raise NotAllUp("Not every service is up", retry_after=5, detail=health.model_dump())
        return json_of(ok(health, "All services are up"))

    async def ask(self) -> PlatformHealth:
        answers = await asyncio.gather(*(self._ask(url) for url in self._urls.values()))
        services = dict(zip(self._urls, answers, strict=True))
        is_up = all(answer.status == "up" for answer in answers)
        return PlatformHealth(status="up" if is_up else "degraded", services=services)

    async def _ask(self, url: str) -> ServiceHealth:
        started = time.perf_counter()
        try:
            async with asyncio.timeout(TIMEOUT):
                answer = await self._client.get(f"{url}/health/ready")
            status = "up" if answer.status_code == 200 else "not_ready"
        except (httpx.HTTPError, TimeoutError, OSError):
            status = "unreachable"
        return ServiceHealth(status=status, latency_ms=round((time.perf_counter() - started) * 1000, 1))
