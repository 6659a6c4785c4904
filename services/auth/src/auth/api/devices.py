"""/auth/devices and /auth/sessions: where one is signed in, and how to end it."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from auth.api import refused
from auth.api.context import Forget, RequestingClient
from auth.api.fields import AddressText
from auth.queries.sessions import devices_of, has_session, sessions_of
from auth.usecases.end_sessions import end_session
from auth.usecases.forget_device import forget_device
from auth.usecases.record_audit import record_audit
from common.errors import NotFound
from common.web.dependencies import Begin, Caller
from common.web.envelope import Envelope, ok

router = APIRouter(prefix="/auth")


class DeviceView(BaseModel):
    """`sessions` are those that have not ended; `is_current`: the request comes from it."""

    id: UUID
    name: Annotated[str, Field(examples=["Neema's phone"])]
    address: AddressText
    user_agent: str | None
    first_seen_at: datetime
    seen_at: datetime
    sessions: int
    is_current: bool


class SessionView(BaseModel):
    """`seen_at` is when it was opened or refreshed last."""

    id: UUID
    device_id: UUID | None
    device_name: str | None
    address: AddressText
    user_agent: str | None
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    is_current: bool


@router.get("/devices", summary="Devices of the caller")
async def get_devices(caller: Caller, begin: Begin) -> Envelope[list[DeviceView]]:
    """The last used first; at most 100."""
    async with begin() as tx:
        rows = await devices_of(tx, caller.user_id, caller.session_id)
    return ok([DeviceView.model_validate(dict(row)) for row in rows])


@router.delete("/devices/{device_id}", summary="Sign a device out", responses=refused.DEVICE)
async def delete_device(
    device_id: UUID, caller: Caller, client: RequestingClient, begin: Begin, forget: Forget
) -> Envelope[None]:
    """Ends its sessions, the caller's own too if it is the device at hand."""
    async with begin() as tx:
        ended = await forget_device(tx, caller.user_id, device_id, client)
    forget(ended)
    return ok(None, "Signed out there")


@router.get("/sessions", summary="Sessions of the caller")
async def get_sessions(caller: Caller, begin: Begin) -> Envelope[list[SessionView]]:
    """Those that have not ended, the last used first; at most 100."""
    async with begin() as tx:
        rows = await sessions_of(tx, caller.user_id)
    views = [SessionView.model_validate({**row, "is_current": row["id"] == caller.session_id}) for row in rows]
    return ok(views)


@router.delete("/sessions/{session_id}", summary="End a session", responses=refused.SESSION)
async def delete_session(
    session_id: UUID, caller: Caller, client: RequestingClient, begin: Begin, forget: Forget
) -> Envelope[None]:
    async with begin() as tx:
        if not await has_session(tx, caller.user_id, session_id):
            raise NotFound("There is no such session", code="session_not_found")
        ended = await end_session(tx, session_id, "ended_by_owner")
        await record_audit(tx, "end_session", "succeeded", client, account_id=caller.user_id, session_id=session_id)
    forget(ended)
    return ok(None, "Signed out there")
