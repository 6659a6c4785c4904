"""GET /internal/revocations and /internal/sessions/{id}: for verifiers; the gateway does not route them."""

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel

from auth.sessions.store.reads import is_live, revoked_sessions
from common.web.dependencies import Begin
from common.web.envelope import Envelope, ok

router = APIRouter(prefix="/internal", include_in_schema=False)


class Revocation(BaseModel):
    """Access tokens of the session would be valid until `expires_at`."""

    session_id: UUID
    expires_at: datetime


class SessionStatus(BaseModel):
    """False for an ended, expired or unknown session, and for that of a closed account."""

    is_live: bool


@router.get("/revocations")
async def get_revocations(begin: Begin) -> Envelope[list[Revocation]]:
    async with begin() as tx:
        rows = await revoked_sessions(tx)
    return ok([Revocation(session_id=row["id"], expires_at=row["access_expires_at"]) for row in rows])


@router.get("/sessions/{session_id}")
async def get_session(session_id: UUID, begin: Begin) -> Envelope[SessionStatus]:
    async with begin() as tx:
        return ok(SessionStatus(is_live=await is_live(tx, session_id)))
