"""/auth/devices and /auth/sessions."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel

from auth.audit.usecases import record_audit
from auth.dependencies import MarkRevoked, RequestingClient
from auth.errors import DeviceNotFound, SessionNotFound, UserNotFound
from auth.fields import AddressText, Name
from auth.sessions.store.reads import (
    DEVICE_SORTING,
    SESSION_SORTING,
    Listed,
    has_session,
    list_devices,
    list_sessions,
)
from auth.sessions.usecases.devices import forget_device
from auth.sessions.usecases.end_sessions import end_session
from common.openapi.errors import errors
from common.web import fields
from common.web.dependencies import Begin, Caller
from common.web.envelope import Envelope, ok
from common.web.listing import ORDERING, SearchText
from common.web.pagination import ShortPage, page_meta

router = APIRouter(prefix="/auth")


Search = Annotated[
    SearchText | None,
    Query(description="part of the device's name, the address or the user agent", examples=["android"]),
]


class DeviceView(BaseModel):
    """`sessions` counts the live ones; `is_current`: the request comes from this device."""

    id: UUID
    name: Name
    address: AddressText
    user_agent: fields.UserAgent | None
    first_seen_at: datetime
    seen_at: datetime
    sessions: fields.Count
    is_current: bool


class SessionView(BaseModel):
    """`seen_at` is when it was opened or last refreshed."""

    id: UUID
    device_id: UUID | None
    device_name: Name | None
    address: AddressText
    user_agent: fields.UserAgent | None
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    is_current: bool


@router.get("/devices", summary="Devices of the caller")
async def get_devices(
    *,
    request: Request,
    caller: Caller,
    begin: Begin,
    page: ShortPage,
    search: Search = None,
    ordering: Annotated[str, DEVICE_SORTING, ORDERING] = "-seen_at",
) -> Envelope[list[DeviceView]]:
    async with begin() as tx:
        listed = Listed(page, ordering, search or None)
        rows, total = await list_devices(tx, caller.user_id, caller.session_id, listed)
    return ok([DeviceView.model_validate(dict(row)) for row in rows], meta=page_meta(request, page, total))


@router.delete("/devices/{device_id}", summary="Sign a device out", responses=errors(DeviceNotFound, UserNotFound))
async def delete_device(
    device_id: UUID, caller: Caller, client: RequestingClient, begin: Begin, mark_revoked: MarkRevoked
) -> Envelope[None]:
    """Ends its sessions, including the caller's own if the request comes from this device."""
    async with begin() as tx:
        ended = await forget_device(tx, caller.user_id, device_id, client)
    mark_revoked(ended)
    return ok(None, "Signed out there")


@router.get("/sessions", summary="Sessions of the caller")
async def get_sessions(
    *,
    request: Request,
    caller: Caller,
    begin: Begin,
    page: ShortPage,
    search: Search = None,
    ordering: Annotated[str, SESSION_SORTING, ORDERING] = "-seen_at",
) -> Envelope[list[SessionView]]:
    """The live ones."""
    async with begin() as tx:
        rows, total = await list_sessions(tx, caller.user_id, Listed(page, ordering, search or None))
    views = [SessionView.model_validate({**row, "is_current": row["id"] == caller.session_id}) for row in rows]
    return ok(views, meta=page_meta(request, page, total))


@router.delete("/sessions/{session_id}", summary="End a session", responses=errors(SessionNotFound))
async def delete_session(
    session_id: UUID, caller: Caller, client: RequestingClient, begin: Begin, mark_revoked: MarkRevoked
) -> Envelope[None]:
    async with begin() as tx:
        if not await has_session(tx, caller.user_id, session_id):
            raise SessionNotFound
        ended = await end_session(tx, session_id, "ended_by_owner")
        await record_audit(tx, "end_session", "succeeded", client, account_id=caller.user_id, session_id=session_id)
    mark_revoked(ended)
    return ok(None, "Signed out there")
