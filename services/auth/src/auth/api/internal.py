"""GET /internal/revocations and /internal/sessions/{id}: for verifiers and the gateway, which does not route them."""

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel

from auth.queries.sessions import is_live, revoked_sessions
from common.web.dependencies import Begin
from common.web.envelope import Envelope, ok

router = APIRouter(prefix="/internal", include_in_schema=False)


class Revocation(BaseModel):
    """Until `expires_at` there may be access tokens that look valid."""

    session_id: UUID
    expires_at: datetime


@router.get("/revocations")
async def get_revocations(begin: Begin) -> Envelope[list[Revocation]]:
    async with begin() as tx:
        rows = await revoked_sessions(tx)
    return ok([Revocation(session_id=row["id"], expires_at=row["access_expires_at"]) for row in rows])


class Standing(BaseModel):
    """False for a session that has ended or expired, whose account is closed, or that never was."""

    is_live: bool


@router.get("/sessions/{session_id}")
async def get_session(session_id: UUID, begin: Begin) -> Envelope[Standing]:
    async with begin() as tx:
        return ok(Standing(is_live=await is_live(tx, session_id)))
