"""Liveness, readiness and metrics of one process: for orchestrators and scrapers, at the root and not in the API."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from common.errors import Unavailable
from common.web.envelope import Envelope, ok
from common.web.error_responses import error_response

CHECK_TIMEOUT = 2.0

Check = Callable[[], Awaitable[bool]]


def health_routes(checks: Mapping[str, Check]) -> APIRouter:
    """Ready is when every check is true within two seconds; live is that the process answers."""
    router = APIRouter(include_in_schema=False)

    @router.get("/health/live")
    async def get_live() -> Envelope[dict[str, bool]]:
        return ok({"live": True})

    @router.get("/health/ready", response_model=Envelope[dict[str, bool]])
    async def get_ready() -> Any:
        answers = await asyncio.gather(*(_passes(check) for check in checks.values()))
        results = dict(zip(checks, answers, strict=True))
        if not all(answers):
            # Answered, not raised: a start that takes its time is no failure to log at every look.
            return error_response(Unavailable("Not ready", code="not_ready", retry_after=1, detail=results))
        return ok(results, "Ready")

    @router.get("/metrics")
    async def get_metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return router


async def _passes(check: Check) -> bool:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT):
            return await check()
    except Exception:  # whatever keeps a check from passing, it did not pass
        return False
