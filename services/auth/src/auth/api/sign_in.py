"""POST /auth/login, /auth/refresh and /auth/verify."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StringConstraints

from auth.api import refused
from auth.api.context import NEVER_STORED, Identification, Identifying, RequestingClient
from auth.api.cookies import Cookies
from auth.api.fields import FactorCode, Name, Password, RefreshToken
from auth.api.views import SignInView, TokenView
from auth.domain.passwords import normalised
from auth.queries.sessions import is_live
from auth.usecases.end_sessions import session_of
from auth.usecases.open_session import Grant
from auth.usecases.refresh_session import refresh_session
from auth.usecases.sign_in import Attempt, begin_sign_in, finish_sign_in
from common.errors import DukanError, Invalid, Unauthenticated
from common.web.dependencies import Begin
from common.web.envelope import Envelope, ok
from common.web.error_responses import error_response

router = APIRouter(dependencies=[NEVER_STORED])

TOKEN = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJuZWVtYSJ9.c2lnbmF0dXJl"  # noqa: S105

Identifier = Annotated[str, StringConstraints(strip_whitespace=True, max_length=254)]


class Login(BaseModel):
    """An e-mail address or a username, in either field, and the password; `otp` where there is a second factor: a code
    of the authenticator app, or a recovery code. With `cookies` the tokens are left in cookies, for browsers."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"email": "neema@example.com", "password": "karanga-na-asali-42"}]}
    )

    email: Identifier | None = None
    username: Identifier | None = None
    password: Password
    otp: FactorCode | None = None
    device_name: Name | None = None
    cookies: StrictBool = False

    @property
    def identifier(self) -> str:
        if not (identifier := self.email or self.username):
            raise Invalid("Give an e-mail address or a username", code="identifier_missing", field="email")
        return identifier


class Refresh(BaseModel):
    """Without a token the refresh cookie is taken, and the CSRF token asked for."""

    refresh_token: RefreshToken | None = None


class Verify(BaseModel):
    token: Annotated[str, StringConstraints(min_length=1, max_length=8192), Field(examples=[TOKEN])]


@router.post("/auth/login", summary="Sign in", responses=refused.SIGNING_IN)
async def post_login(
    body: Login, client: RequestingClient, begin: Begin, identification: Identifying, jar: Cookies
) -> Envelope[SignInView]:
    identifier = body.identifier
    async with begin() as tx:
        attempt = await begin_sign_in(tx, identifier, client, identification.per_address)
    if isinstance(attempt, DukanError):
        raise attempt
    grant = await _verified(attempt, body, begin, identification)
    csrf_token = jar.fill(grant) if body.cookies else None
    return ok(SignInView.of(grant, identification.media_urls, csrf_token), "Signed in")


async def _verified(attempt: Attempt, body: Login, begin: Begin, identification: Identification) -> Grant:
    """Outside any transaction while the password is hashed, which may have to wait for its turn."""
    password = normalised(body.password)
    verification = await identification.hashing.verify(attempt.password_hash, password)
    new_hash = await identification.hashing.hash(password) if verification.is_outdated else None
    async with begin() as tx:
        outcome = await finish_sign_in(
            tx,
            attempt,
            verification,
            otp=body.otp or None,
            new_hash=new_hash,
            device_name=body.device_name,
            signer=identification.signer,
            vault=identification.vault,
        )
    if isinstance(outcome, DukanError):
        raise outcome
    return outcome


@router.post(
    "/auth/refresh", response_model=Envelope[SignInView], summary="Renew the access token", responses=refused.REFRESHING
)
async def post_refresh(
    client: RequestingClient, begin: Begin, identification: Identifying, jar: Cookies, body: Refresh | None = None
) -> Envelope[SignInView] | Response:
    given = body.refresh_token if body else None
    token = given or jar.refresh_token
    if token is None:
        raise Invalid("Give a refresh token", code="refresh_token_missing", field="refresh_token")
    async with begin() as tx:
        if given is None and (session_id := await session_of(tx, token, None)):
            jar.check_page(session_id)
        signer, vault = identification.signer, identification.vault
        outcome = await refresh_session(tx, token, client, signer=signer, vault=vault)
    if isinstance(outcome, DukanError):
        return error_response(outcome) if given else jar.refused(outcome)
    csrf_token = None if given else jar.fill(outcome)
    return ok(SignInView.of(outcome, identification.media_urls, csrf_token), "Refreshed")


@router.post("/auth/verify", summary="Check an access token")
async def post_verify(body: Verify, request: Request, begin: Begin) -> Envelope[TokenView]:
    """Whether an access token is good at this moment, asked of the one who knows; 401 when it is not."""
    identity = await request.app.state.verifier.verify(body.token)
    async with begin() as tx:
        if not await is_live(tx, identity.session_id):
            raise Unauthenticated("The session has ended", code="session_revoked")
    view = TokenView(
        user_id=identity.user_id,
        session_id=identity.session_id,
        roles=sorted(identity.roles),
        scope=sorted(identity.scope),
        expires_at=datetime.fromtimestamp(identity.expires_at, UTC),
    )
    return ok(view, "The token is valid")
