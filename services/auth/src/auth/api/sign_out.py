"""POST /auth/logout and /auth/logout-all."""

from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, StrictBool

from auth.api.context import Forget, RequestingClient
from auth.api.cookies import Cookies, Jar
from auth.api.fields import RefreshToken
from auth.usecases.end_sessions import end_session, end_sessions_of, session_of
from auth.usecases.record_audit import record_audit
from common.errors import Unauthenticated
from common.persistence.transaction import Transaction
from common.web.dependencies import Begin, Caller, MaybeCaller
from common.web.envelope import Envelope, ok

router = APIRouter()


class Logout(BaseModel):
    """A refresh token says which session to end when the access token has expired already."""

    refresh_token: RefreshToken | None = None


class LogoutAll(BaseModel):
    """With `keep_current` this session stays: for who fears that others are not theirs."""

    keep_current: StrictBool = False


@router.post("/auth/logout", summary="Sign out")
async def post_logout(
    *,
    caller: MaybeCaller,
    client: RequestingClient,
    begin: Begin,
    forget: Forget,
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
        session_ids |= await _of_cookies(tx, jar, is_asked=caller is None and token is None)
        ended = [event for session_id in sorted(session_ids) for event in await end_session(tx, session_id, "logout")]
        for event in ended:
            await record_audit(tx, "logout", "succeeded", client, account_id=event.user_id, session_id=event.session_id)
    forget(ended)
    if jar.refresh_token is not None:
        jar.clear()
    return ok(None, "Signed out")


async def _of_cookies(tx: Transaction, jar: Jar, *, is_asked: bool) -> set[UUID]:
    """The session that the cookies belong to, when nothing else says which to end."""
    if not is_asked or jar.refresh_token is None:
        return set()
    session_id = await session_of(tx, jar.refresh_token, None)
    if session_id is None:
        return set()
    jar.check_page(session_id)
    return {session_id}


@router.post("/auth/logout-all", summary="Sign out everywhere")
async def post_logout_all(
    *,
    body: LogoutAll | None = None,
    caller: Caller,
    client: RequestingClient,
    begin: Begin,
    forget: Forget,
    jar: Cookies,
) -> Envelope[None]:
    kept = caller.session_id if body and body.keep_current else None
    async with begin() as tx:
        ended = await end_sessions_of(tx, caller.user_id, "logout_all", but=kept)
        await record_audit(tx, "logout_all", "succeeded", client, account_id=caller.user_id, sessions=len(ended))
    forget(ended)
    if kept is not None:
        return ok(None, "Signed out everywhere else")
    if jar.refresh_token is not None:
        jar.clear()
    return ok(None, "Signed out everywhere")
