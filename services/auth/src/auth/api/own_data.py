"""/auth/me/export: all that is kept about the caller, by every service."""

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from auth.api.context import Identifying, RequestingClient
from auth.api.export_document import ExportDocument
from auth.domain.exports import FRESH, Export
from auth.queries.exports import latest_export
from auth.usecases.begin_export import begin_export
from common import clock
from common.errors import Forbidden, Unavailable
from common.persistence.transaction import Transaction
from common.security.tokens import Identity
from common.web.dependencies import Begin, Caller
from common.web.envelope import Envelope, accepted
from common.web.preferences import Wait

router = APIRouter(prefix="/auth/me/export")

FIRST_PAUSE = 0.05
LONGEST_PAUSE = 0.8
"""Seconds between looks at an export that somebody waits for."""
COME_BACK = 2


class ExportView(BaseModel):
    """An export on its way; `services` says who has answered."""

    id: UUID
    status: Literal["gathering", "ready"]
    services: dict[str, Literal["waiting", "done"]]
    created_at: datetime

    @classmethod
    def of(cls, export: Export) -> Self:
        status: Literal["gathering", "ready"] = "ready" if export.state == "ready" else "gathering"
        services: dict[str, Literal["waiting", "done"]] = {
            service: "done" if service in export.parts else "waiting" for service in export.services
        }
        return cls(id=export.id, status=status, services=services, created_at=export.created_at)


class OwnData(BaseModel):
    """What each service keeps: lists of objects by kind, newest first, and `cut`, which names the kinds whose oldest
    things were too many for one document."""

    id: UUID
    user_id: UUID
    created_at: datetime
    ready_at: datetime
    services: dict[str, dict[str, list[Any]]]


async def _person(caller: Caller) -> Identity:
    """A key reads single things of its owner; the whole of a life is for the person."""
    if caller.scope:
        raise Forbidden("This needs the person, not an API key", code="needs_sign_in")
    return caller


Person = Annotated[Identity, Depends(_person)]
ON_ITS_WAY: dict[int | str, dict[str, Any]] = {
    202: {"model": Envelope[ExportView], "description": "Being gathered; `Retry-After` says when to ask again"}
}


@router.get("", response_model=Envelope[OwnData], responses=ON_ITS_WAY, summary="All that is kept about the caller")
async def get_export(
    caller: Person, client: RequestingClient, begin: Begin, identification: Identifying, wait: Wait
) -> Response:
    """By every service, as a file; not for API keys. Begins to gather it, unless that happened within the last hour,
    and answers 202 until it is there; `Prefer: wait=N` holds the answer up to 10 s. At most five a day."""
    async with begin() as tx:
        export = await latest_export(tx, caller.user_id)
        if export is None or not export.is_fresh(clock.now()):
            await begin_export(tx, caller.user_id, client, identification.vault)
    export = await _settled(begin, caller.user_id, wait)
    if export.state == "failed":
        raise _incomplete(export)
    if export.state != "ready":
        return _on_its_way(export)
    document = ExportDocument(export, identification.vault, begin)
    headers = {"Content-Disposition": 'attachment; filename="own-data.json"', "Cache-Control": "no-store"}
    return StreamingResponse(document.stream(), headers=headers, media_type="application/json")


@router.post("", status_code=202, summary="Gather the caller's data anew")
async def post_export(
    caller: Person, client: RequestingClient, begin: Begin, identification: Identifying, response: Response
) -> Envelope[ExportView]:
    """Gather anew, in place of what was gathered before. While that goes on, asking again changes nothing."""
    async with begin() as tx:
        await begin_export(tx, caller.user_id, client, identification.vault)
    response.headers["Retry-After"] = str(COME_BACK)
    return accepted(ExportView.of(await _settled(begin, caller.user_id, 0)), "Gathering")


async def _settled(
    begin: Callable[[], AbstractAsyncContextManager[Transaction]], account_id: UUID, seconds: float
) -> Export:
    """The caller's export once nothing is waited for, or as it stands after `seconds`."""
    end = time.monotonic() + seconds
    pause = FIRST_PAUSE
    while True:
        async with begin() as tx:
            export = await latest_export(tx, account_id)
        if export is None:
            raise Unavailable("The export was ended, ask again", retry_after=COME_BACK)
        left = end - time.monotonic()
        if export.state != "gathering" or left <= 0:
            return export
        await asyncio.sleep(min(pause, left))
        pause = min(2 * pause, LONGEST_PAUSE)


def _on_its_way(export: Export) -> Response:
    body = accepted(ExportView.of(export), "Gathering").model_dump_json()
    headers = {"Retry-After": str(COME_BACK), "Cache-Control": "no-store"}
    return Response(body, 202, headers, "application/json")


def _incomplete(export: Export) -> Unavailable:
    silent = ", ".join(export.missing)
    return Unavailable(
        f"Not every service has answered: {silent}. POST begins anew",
        code="export_incomplete",
        retry_after=(export.created_at + FRESH - clock.now()).total_seconds(),
        detail={"services": export.missing},
    )
