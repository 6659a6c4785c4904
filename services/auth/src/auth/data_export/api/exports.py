"""/auth/me/export: all data that the services store about the caller."""

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

from auth.data_export.api.document import ExportDocument
from auth.data_export.domain import FRESH_FOR, Export
from auth.data_export.store import latest_export
from auth.data_export.usecases import start_export
from auth.dependencies import RequestingClient, Services
from auth.errors import ExportIncomplete, NeedsSignIn, TooManyExports, UserNotFound
from common import clock
from common.errors import Unavailable
from common.openapi.errors import errors
from common.persistence.transaction import Transaction
from common.security.tokens import Identity
from common.web.dependencies import Begin, Caller
from common.web.envelope import Envelope, accepted
from common.web.preferences import Wait

router = APIRouter(prefix="/auth/me/export")

FIRST_POLL_SECONDS = 0.05
MAX_POLL_SECONDS = 0.8
RETRY_AFTER_SECONDS = 2


class ExportView(BaseModel):
    """A running export; `services` lists which have answered."""

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


class DataExport(BaseModel):
    """What each service stores: lists of objects by kind, newest first. `cut` lists the kinds that were truncated."""

    id: UUID
    user_id: UUID
    created_at: datetime
    ready_at: datetime
    services: dict[str, dict[str, list[Any]]]


async def _signed_in_user(caller: Caller) -> Identity:
    """An API key may read single resources of its owner, but not everything at once."""
    if caller.scope:
        raise NeedsSignIn
    return caller


SignedInUser = Annotated[Identity, Depends(_signed_in_user)]
RUNNING: dict[int | str, dict[str, Any]] = {
    202: {"model": Envelope[ExportView], "description": "Running; `Retry-After` says when to ask again"}
}


@router.get(
    "",
    response_model=Envelope[DataExport],
    responses=RUNNING | errors(ExportIncomplete, NeedsSignIn, TooManyExports, UserNotFound),
    summary="All data that is stored about the caller",
)
async def get_export(
    caller: SignedInUser, client: RequestingClient, begin: Begin, services: Services, wait: Wait
) -> Response:
    """From every service, as a file; not for API keys. Starts an export, unless one was started within the last hour,
    and answers 202 until it is ready; `Prefer: wait=N` waits for up to 10 s. At most five a day."""
    async with begin() as tx:
        export = await latest_export(tx, caller.user_id)
        if export is None or not export.is_fresh(clock.now()):
            await start_export(tx, caller.user_id, client, services.vault)
    export = await _poll_export(begin, caller.user_id, wait)
    if export.state == "failed":
        raise _incomplete(export)
    if export.state != "ready":
        return _running(export)
    document = ExportDocument(export, services.vault, begin)
    headers = {"Content-Disposition": 'attachment; filename="own-data.json"', "Cache-Control": "no-store"}
    return StreamingResponse(document.stream(), headers=headers, media_type="application/json")


@router.post(
    "",
    status_code=202,
    summary="Start a new export of the caller's data",
    responses=errors(NeedsSignIn, TooManyExports, UserNotFound),
)
async def post_export(
    caller: SignedInUser, client: RequestingClient, begin: Begin, services: Services, response: Response
) -> Envelope[ExportView]:
    """Replaces the previous export. While one is running, this changes nothing."""
    async with begin() as tx:
        await start_export(tx, caller.user_id, client, services.vault)
    response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return accepted(ExportView.of(await _poll_export(begin, caller.user_id, 0)), "Running")


async def _poll_export(
    begin: Callable[[], AbstractAsyncContextManager[Transaction]], account_id: UUID, seconds: float
) -> Export:
    """The caller's export once it is ready or has failed, or in its state after `seconds`."""
    deadline = time.monotonic() + seconds
    pause = FIRST_POLL_SECONDS
    while True:
        async with begin() as tx:
            export = await latest_export(tx, account_id)
        if export is None:
            raise Unavailable("The export was deleted, ask again", retry_after=RETRY_AFTER_SECONDS)
        left = deadline - time.monotonic()
        if export.state != "gathering" or left <= 0:
            return export
        await asyncio.sleep(min(pause, left))
        pause = min(2 * pause, MAX_POLL_SECONDS)


def _running(export: Export) -> Response:
    body = accepted(ExportView.of(export), "Running").model_dump_json()
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS), "Cache-Control": "no-store"}
    return Response(body, 202, headers, "application/json")


def _incomplete(export: Export) -> ExportIncomplete:
    return ExportIncomplete(
        f"Some services have not answered: {', '.join(export.missing)}. POST starts a new export",
        retry_after=(export.created_at + FRESH_FOR - clock.now()).total_seconds(),
        detail={"services": export.missing},
    )
