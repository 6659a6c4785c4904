"""Health, readiness and metrics of one process, for people, Kubernetes and Prometheus; at the root, not in the API."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel

from common.errors import Unavailable
from common.web.envelope import Envelope, ok
from common.web.error_responses import error_response

CHECK_SECONDS = 2.0

Check = Callable[[], Awaitable[bool]]


class NotReady(Unavailable):
    code = "not_ready"
    message = "Not ready"
    retry_after = 1.0


class Health(BaseModel):
    """`status` is degraded if this process can answer, and something else that the platform needs is away."""

    status: Literal["up", "degraded"]
    checks: dict[str, bool]


def health_routes(ready: Mapping[str, Check], others: Mapping[str, Check]) -> APIRouter:
    """The process is ready if every check of `ready` is true within two seconds; it is live if it responds.

    `others` are of things whose failure no replica could make up for, such as the broker: they are in the health
    document only, because a load balancer that asked for them would take every replica away at once.
    """
    router = APIRouter(include_in_schema=False)

    @router.get("/health/live")
    async def get_live() -> Envelope[dict[str, bool]]:
        return ok({"live": True})

    @router.get("/health/ready", response_model=Envelope[dict[str, bool]])
    async def get_ready() -> Any:
        results = await _results(ready)
        return ok(results, "Ready") if all(results.values()) else _not_ready(results)

    @router.get("/health", response_model=Envelope[Health])
    async def get_health() -> Any:
        needed, other = await asyncio.gather(_results(ready), _results(others))
        if not all(needed.values()):
            return _not_ready(needed | other)
        status: Literal["up", "degraded"] = "up" if all(other.values()) else "degraded"
        return ok(Health(status=status, checks=needed | other), status.capitalize())

    @router.get("/metrics")
    async def get_metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return router


def _not_ready(results: Mapping[str, bool]) -> Response:
    # Returned, not raised: a slow start is not an error to log at every probe.
    return error_response(NotReady(detail=results))


async def _results(checks: Mapping[str, Check]) -> dict[str, bool]:
    passed = await asyncio.gather(*(_passes(check) for check in checks.values()))
    return dict(zip(checks, passed, strict=True))


async def _passes(check: Check) -> bool:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            return await check()
    except Exception:  # a check that raises has not passed
        return False
