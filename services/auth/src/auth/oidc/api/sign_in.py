"""Sign-in with another issuer: POST /auth/oidc/{provider}/start, then /finish."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field, StringConstraints

from auth.cookies import Cookies
from auth.dependencies import NO_STORE, RequestingClient, Services
from auth.errors import (
    STEP_UP,
    AccountDeactivated,
    EmailTaken,
    IssuerUnavailable,
    OidcAccountUnconfirmed,
    OidcEmailMissing,
    OidcEmailUnavailable,
    OidcEmailUnverified,
    OtpInvalid,
    OtpRequired,
    RedirectUriNotAllowed,
    TooManyAttempts,
    TooManyPendingLogins,
    UnknownProvider,
)
from auth.fields import Seconds
from auth.oidc.api.callback import (
    CALLBACK_ERRORS,
    AllProviders,
    Callback,
    Finish,
    OneProvider,
    browser_cookie,
)
from auth.oidc.domain import LOGIN_LIFETIME
from auth.oidc.usecases.pending_logins import AuthorizationRequest, start_login
from auth.reauthentication import ReauthRequest, RequireStepUp
from auth.services import AuthServices
from auth.views import SignInView
from common import clock
from common.openapi.errors import errors
from common.web.dependencies import Begin, Caller
from common.web.envelope import Envelope, ok

router = APIRouter(dependencies=[NO_STORE])

START_ERRORS = (UnknownProvider, RedirectUriNotAllowed, TooManyPendingLogins, IssuerUnavailable)

OWN_CALLBACK = "https://shop.example/api/v1/auth/oidc/company/callback"
RedirectUri = Annotated[str, StringConstraints(min_length=1, max_length=500), Field(examples=[OWN_CALLBACK])]
State = Annotated[str, Field(examples=["h7Jd2kLm9QwXz4RtYb6NcVp1"])]


class ProviderView(BaseModel):
    """`name` is for paths, `display_name` for buttons."""

    name: Annotated[str, Field(examples=["company"])]
    display_name: Annotated[str, Field(examples=["Company account"])]


class Start(BaseModel):
    """`redirect_uri` is where the issuer sends the browser back to, one of those that the operator allows; by default
    our own page."""

    redirect_uri: RedirectUri | None = None


class Link(ReauthRequest, Start):
    """A linked identity signs in to the account, so linking one requires a recent authentication."""


class StartView(BaseModel):
    """Send the browser to `authorization_url`. It comes back with `state`: compare it with this one. `expires_in` is
    in seconds."""

    authorization_url: Annotated[str, Field(examples=["https://login.company.example/authorize?client_id=dukan"])]
    state: State
    expires_in: Seconds


@router.get("/auth/oidc", summary="Issuers to sign in with")
async def get_providers(providers: AllProviders) -> Envelope[list[ProviderView]]:
    return ok([ProviderView(name=provider.name, display_name=provider.display_name) for provider in providers])


@router.post(
    "/auth/oidc/{provider}/start",
    summary="Start to sign in with an issuer",
    responses=errors(*START_ERRORS),
)
async def post_start(
    *,
    provider: OneProvider,
    providers: AllProviders,
    client: RequestingClient,
    begin: Begin,
    services: Services,
    response: Response,
    body: Start | None = None,
) -> Envelope[StartView]:
    request = AuthorizationRequest.create(providers.redirect_uri(provider, body.redirect_uri if body else None))
    url = await provider.authorization_url(request.state, request.secrets)
    async with begin() as tx:
        expires_at = await start_login(tx, request, provider.name, client, services, account_id=None)
    _remember_browser(response, request, services)
    return ok(_start_view(url, request, expires_at), "Continue at the issuer")


@router.post(
    "/auth/oidc/{provider}/link",
    summary="Start to link an identity",
    responses=errors(*START_ERRORS, *STEP_UP),
)
async def post_link(
    *,
    body: Link | None = None,
    caller: Caller,
    provider: OneProvider,
    providers: AllProviders,
    client: RequestingClient,
    begin: Begin,
    services: Services,
    require_step_up: RequireStepUp,
) -> Envelope[StartView]:
    """Like `start`; the identity will sign in to the caller's account. Requires a recent authentication.
    POST /auth/identities finishes it."""
    await require_step_up(body)
    request = AuthorizationRequest.create(providers.redirect_uri(provider, body.redirect_uri if body else None))
    url = await provider.authorization_url(request.state, request.secrets)
    async with begin() as tx:
        expires_at = await start_login(tx, request, provider.name, client, services, account_id=caller.user_id)
    return ok(_start_view(url, request, expires_at), "Continue at the issuer")


@router.post(
    "/auth/oidc/{provider}/finish",
    summary="Sign in with an issuer",
    responses=errors(
        *CALLBACK_ERRORS,
        OtpRequired,
        OtpInvalid,
        AccountDeactivated,
        OidcEmailMissing,
        OidcEmailUnverified,
        OidcAccountUnconfirmed,
        OidcEmailUnavailable,
        EmailTaken,
        TooManyAttempts,
    ),
)
async def post_finish(body: Finish, provider: OneProvider, callback: Callback, jar: Cookies) -> Envelope[SignInView]:
    tokens = await callback.sign_in(body, provider)
    csrf_token = jar.fill(tokens) if body.cookies else None
    return ok(SignInView.of(tokens, callback.services, csrf_token), "Signed in")


def _start_view(url: str, request: AuthorizationRequest, expires_at: datetime) -> StartView:
    seconds = int((expires_at - clock.now()).total_seconds())
    return StartView(authorization_url=url, state=request.state, expires_in=seconds)


def _remember_browser(response: Response, request: AuthorizationRequest, services: AuthServices) -> None:
    """Only this browser gets cookies later: a link that a person follows cannot sign them in to another's account."""
    response.set_cookie(
        browser_cookie(services),
        request.browser,
        max_age=int(LOGIN_LIFETIME.total_seconds()),
        path="/",
        secure=services.secure_cookies,
        httponly=True,
        samesite="lax",
    )
