"""POST /auth/login, /auth/refresh and /auth/verify."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StringConstraints

from auth.cookies import Cookies
from auth.dependencies import NO_STORE, RequestingClient, Services
from auth.errors import (
    AccountDeactivated,
    IdentifierMissing,
    InvalidCredentials,
    NoSigningKey,
    OtpInvalid,
    OtpRequired,
    RefreshTokenInvalid,
    RefreshTokenMissing,
    SignInBusy,
    TooManyAttempts,
)
from auth.fields import AccessTokenText, FactorCode, Name, Password, RefreshToken
from auth.passwords.domain import normalised
from auth.services import AuthServices
from auth.sessions.store.reads import is_live
from auth.sessions.usecases.end_sessions import session_of
from auth.sessions.usecases.open_session import TokenPair
from auth.sessions.usecases.refresh_session import refresh_session
from auth.sessions.usecases.sign_in import Attempt, begin_sign_in, finish_sign_in
from auth.views import SignInView
from common.errors import CsrfTokenInvalid, SessionEnded
from common.openapi.errors import errors
from common.web.dependencies import Begin
from common.web.envelope import Envelope, ok

router = APIRouter(dependencies=[NO_STORE])

Identifier = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=254), Field(examples=["neema@example.com"])
]


class Login(BaseModel):
    """An e-mail address or a username, in either field, and the password.

    `otp`, of the authenticator app or a recovery code, is needed with a second factor. With `cookies` the tokens are
    set as cookies, for browsers.
    """

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
            raise IdentifierMissing
        return identifier


class Refresh(BaseModel):
    """Without a token the refresh cookie is used, and the CSRF token is required."""

    refresh_token: RefreshToken | None = None


class Verify(BaseModel):
    token: AccessTokenText


class TokenView(BaseModel):
    """The content of a valid access token."""

    user_id: UUID
    session_id: UUID
    roles: list[Annotated[str, Field(examples=["customer"])]]
    scope: list[Annotated[str, Field(examples=["orders:read"])]]
    expires_at: datetime


@router.post(
    "/auth/login",
    summary="Sign in",
    responses=errors(
        AccountDeactivated,
        IdentifierMissing,
        InvalidCredentials,
        NoSigningKey,
        OtpInvalid,
        OtpRequired,
        SignInBusy,
        TooManyAttempts,
    ),
)
async def post_login(
    body: Login, client: RequestingClient, begin: Begin, services: Services, jar: Cookies
) -> Envelope[SignInView]:
    identifier = body.identifier
    async with begin() as tx:
        attempt = await begin_sign_in(tx, identifier, client, services)
    tokens = await _verify_and_sign_in(attempt, body, begin, services)
    csrf_token = jar.fill(tokens) if body.cookies else None
    return ok(SignInView.of(tokens, services, csrf_token), "Signed in")


async def _verify_and_sign_in(attempt: Attempt, body: Login, begin: Begin, services: AuthServices) -> TokenPair:
    """Hashes outside any transaction, because a hash may have to queue."""
    password = normalised(body.password)
    verification = await services.hashing.verify(attempt.password_hash, password)
    new_hash = await services.hashing.hash(password) if verification.is_outdated else None
    async with begin() as tx:
        return await finish_sign_in(
            tx,
            attempt,
            verification,
            otp=body.otp or None,
            new_hash=new_hash,
            device_name=body.device_name,
            services=services,
        )


@router.post(
    "/auth/refresh",
    response_model=Envelope[SignInView],
    summary="Renew the access token",
    responses=errors(CsrfTokenInvalid, NoSigningKey, RefreshTokenInvalid, RefreshTokenMissing),
)
async def post_refresh(
    client: RequestingClient, begin: Begin, services: Services, jar: Cookies, body: Refresh | None = None
) -> Envelope[SignInView] | Response:
    given = body.refresh_token if body else None
    token = given or jar.refresh_token
    if token is None:
        raise RefreshTokenMissing
    try:
        async with begin() as tx:
            if given is None and (session_id := await session_of(tx, token, None)):
                jar.check_csrf(session_id)
            tokens = await refresh_session(tx, token, client, services)
    except RefreshTokenInvalid as error:
        if given:
            raise
        return jar.error_response(error)
    csrf_token = None if given else jar.fill(tokens)
    return ok(SignInView.of(tokens, services, csrf_token), "Refreshed")


@router.post("/auth/verify", summary="Check an access token", responses=errors(SessionEnded))
async def post_verify(body: Verify, request: Request, begin: Begin) -> Envelope[TokenView]:
    """Whether an access token is valid now; 401 if it is not. Checks the session in the database."""
    identity = await request.app.state.verifier.verify(body.token)
    async with begin() as tx:
        if not await is_live(tx, identity.session_id):
            raise SessionEnded
    view = TokenView(
        user_id=identity.user_id,
        session_id=identity.session_id,
        roles=sorted(identity.roles),
        scope=sorted(identity.scope),
        expires_at=datetime.fromtimestamp(identity.expires_at, UTC),
    )
    return ok(view, "The token is valid")
