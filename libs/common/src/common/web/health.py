"""Liveness, readiness and metrics of one process, for Kubernetes and Prometheus; at the root, not in the API."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from common.errors import Unavailable
from common.web.envelope import Envelope, ok
from common.web.error_responses import error_response

CHECK_SECONDS = 2.0

Check = Callable[[], Awaitable[bool]]


class NotReady(Unavailable):
    code = "not_ready"
    message = "Not ready"
    retry_after = 1.0


def health_routes(checks: Mapping[str, Check]) -> APIRouter:
    """The process is ready if every check is true within two seconds; it is live if it responds."""
    router = APIRouter(include_in_schema=False)

    @router.get("/health/live")
    async def get_live() -> Envelope[dict[str, bool]]:
        return ok({"live": True})

    @router.get("/health/ready", response_model=Envelope[dict[str, bool]])
    async def get_ready() -> Any:
        passed = await asyncio.gather(*(_passes(check) for check in checks.values()))
        results = dict(zip(checks, passed, strict=True))
        if not all(passed):
            # Returned, not raised: a slow start is not an error to log at every probe.
            return error_response(NotReady(detail=results))
        return ok(results, "Ready")

    @router.get("/metrics")
    async def get_metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return router


async def _passes(check: Check) -> bool:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            return await check()
    except Exception:  # a check that raises has not passed
        return False
