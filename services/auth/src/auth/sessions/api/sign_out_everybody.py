"""POST /users/logout-all: an administrator signs everybody out."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel

from auth.audit.usecases import record_audit
from auth.dependencies import MarkRevoked, RequestingClient
from auth.sessions.usecases.end_sessions import end_any_sessions
from common import clock
from common.security.tokens import Identity
from common.web.dependencies import Begin, may
from common.web.envelope import Envelope, ok
from common.web.fields import Count

BATCH = 1000
"""Sessions per transaction."""

router = APIRouter()

Administrator = Annotated[Identity, may("sessions.manage")]


class EndedSessionsView(BaseModel):
    sessions: Count


@router.post("/users/logout-all", summary="Sign everybody out")
async def post_logout_everybody(
    admin: Administrator, client: RequestingClient, begin: Begin, mark_revoked: MarkRevoked
) -> Envelope[EndedSessionsView]:
    """Ends every session, the caller's as well."""
    started_at, sessions = clock.now(), 0
    async with begin() as tx:
        await record_audit(tx, "logout_everybody", "by_admin", client, actor_id=admin.user_id)
    while True:
        async with begin() as tx:
            ended = await end_any_sessions(tx, started_at, BATCH, "ended_by_admin")
        mark_revoked(ended)
        sessions += len(ended)
        if len(ended) < BATCH:
            return ok(EndedSessionsView(sessions=sessions), "Everybody is signed out")
