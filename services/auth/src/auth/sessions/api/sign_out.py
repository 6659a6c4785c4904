"""POST /auth/logout and /auth/logout-all."""

from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, StrictBool

from auth.audit.usecases import record_audit
from auth.cookies import CookieJar, Cookies
from auth.dependencies import MarkRevoked, RequestingClient
from auth.fields import RefreshToken
from auth.sessions.usecases.end_sessions import end_session, end_sessions_of, session_of
from common.errors import CsrfTokenInvalid, Unauthenticated
from common.openapi.errors import errors
from common.persistence.transaction import Transaction
from common.web.dependencies import Begin, Caller, MaybeCaller
from common.web.envelope import Envelope, ok

router = APIRouter()


class Logout(BaseModel):
    """The refresh token names the session to end if the access token has expired."""

    refresh_token: RefreshToken | None = None


class LogoutAll(BaseModel):
    """With `keep_current` the caller's session stays, for people who suspect that the others are not theirs."""

    keep_current: StrictBool = False


@router.post("/auth/logout", summary="Sign out", responses=errors(CsrfTokenInvalid))
async def post_logout(
    *,
    caller: MaybeCaller,
    client: RequestingClient,
    begin: Begin,
    mark_revoked: MarkRevoked,
    jar: Cookies,
    body: Logout | None = None,
) -> Envelope[None]:
    token = body.refresh_token if body else None
    if caller is None and token is None and jar.refresh_token is None:
        raise Unauthenticated
    async with begin() as tx:
        session_ids = {caller.session_id} if caller else set()
        if token is not None and (of_token := await session_of(tx, token, caller.user_id if caller else None)):
            session_ids.add(of_token)
        if caller is None and token is None:
            session_ids |= await _session_of_cookies(tx, jar)
        ended = [event for session_id in sorted(session_ids) for event in await end_session(tx, session_id, "logout")]
        for event in ended:
            await record_audit(tx, "logout", "succeeded", client, account_id=event.user_id, session_id=event.session_id)
    mark_revoked(ended)
    if jar.refresh_token is not None:
        jar.clear()
    return ok(None, "Signed out")


async def _session_of_cookies(tx: Transaction, jar: CookieJar) -> set[UUID]:
    session_id = await session_of(tx, jar.refresh_token, None) if jar.refresh_token is not None else None
    if session_id is None:
        return set()
    jar.check_csrf(session_id)
    return {session_id}


@router.post("/auth/logout-all", summary="Sign out everywhere")
async def post_logout_all(
    *,
    body: LogoutAll | None = None,
    caller: Caller,
    client: RequestingClient,
    begin: Begin,
    mark_revoked: MarkRevoked,
    jar: Cookies,
) -> Envelope[None]:
    keeps_current = bool(body and body.keep_current)
    async with begin() as tx:
        but = caller.session_id if keeps_current else None
        ended = await end_sessions_of(tx, caller.user_id, "logout_all", but=but)
        await record_audit(tx, "logout_all", "succeeded", client, account_id=caller.user_id, sessions=len(ended))
    mark_revoked(ended)
    if keeps_current:
        return ok(None, "Signed out everywhere else")
    if jar.refresh_token is not None:
        jar.clear()
    return ok(None, "Signed out everywhere")
