"""Signing in with an account at another issuer: POST /auth/oidc/{provider}/start, then /finish."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field, StringConstraints

from auth.api import refused
from auth.api.oidc_visit import Finish, TheIssuers, TheProvider, TheVisit, browser_cookie
from auth.api.step_up import Confirm, FreshProof
from auth.cookies import Cookies
from auth.dependencies import NO_STORE
from auth.domain.oidc import FLOW_LASTS
from auth.services import AuthServices
from auth.usecases.start_oidc import Departure, start_oidc
from auth.views import SignInView
from common import clock
from common.web.dependencies import Caller
from common.web.envelope import Envelope, ok

router = APIRouter(dependencies=[NO_STORE])

OURS = "https://shop.example/api/v1/auth/oidc/company/callback"
RedirectUri = Annotated[str, StringConstraints(min_length=1, max_length=500), Field(examples=[OURS])]


class ProviderView(BaseModel):
    """`name` is for paths, `display_name` for buttons."""

    name: Annotated[str, Field(examples=["company"])]
    display_name: Annotated[str, Field(examples=["Company account"])]


class Start(BaseModel):
    """Where the issuer sends the browser back to: one of those that the operator allows; our own page without."""

    redirect_uri: RedirectUri | None = None


class Link(FreshProof, Start):
    """An identity is a key to the account: whoever adds one proves who they are."""


class StartView(BaseModel):
    """Send the browser to `authorization_url`. It comes back with `state`: compare it with this one. `expires_in` is
    in seconds."""

    authorization_url: Annotated[str, Field(examples=["https://login.company.example/authorize?client_id=dukan"])]
    state: str
    expires_in: int


@router.get("/auth/oidc", summary="Issuers to sign in with")
async def get_providers(issuers: TheIssuers) -> Envelope[list[ProviderView]]:
    """Whose accounts sign in here."""
    return ok([ProviderView(name=provider.name, display_name=provider.display_name) for provider in issuers])


@router.post("/auth/oidc/{provider}/start", summary="Begin to sign in with an issuer", responses=refused.STARTING_OIDC)
async def post_start(
    provider: TheProvider, issuers: TheIssuers, visit: TheVisit, response: Response, body: Start | None = None
) -> Envelope[StartView]:
    departure = Departure.to(issuers.redirect_uri(provider, body.redirect_uri if body else None))
    url = await provider.authorization_url(departure.state, departure.secrets)
    async with visit.begin() as tx:
        vault = visit.identification.vault
        until = await start_oidc(tx, departure, provider.name, visit.client, vault, account_id=None)
    _remember_browser(response, departure, visit.identification)
    return ok(_started(url, departure, until), "Continue at the issuer")


@router.post("/auth/oidc/{provider}/link", summary="Begin to link an identity", responses=refused.LINKING_OIDC)
async def post_link(
    *,
    body: Link | None = None,
    caller: Caller,
    provider: TheProvider,
    issuers: TheIssuers,
    confirm: Confirm,
    visit: TheVisit,
) -> Envelope[StartView]:
    """As `start`, to sign in to the caller's account with that identity later; asks for a fresh proof of who one is.
    POST /auth/identities finishes it."""
    await confirm(body)
    departure = Departure.to(issuers.redirect_uri(provider, body.redirect_uri if body else None))
    url = await provider.authorization_url(departure.state, departure.secrets)
    async with visit.begin() as tx:
        vault = visit.identification.vault
        until = await start_oidc(tx, departure, provider.name, visit.client, vault, account_id=caller.user_id)
    return ok(_started(url, departure, until), "Continue at the issuer")


@router.post("/auth/oidc/{provider}/finish", summary="Sign in with an issuer", responses=refused.SIGNING_IN_BY_OIDC)
async def post_finish(body: Finish, provider: TheProvider, visit: TheVisit, jar: Cookies) -> Envelope[SignInView]:
    grant = await visit.sign_in(body, provider)
    csrf_token = jar.fill(grant) if body.cookies else None
    return ok(SignInView.of(grant, visit.identification.media_urls, csrf_token), "Signed in")


def _started(url: str, departure: Departure, until: datetime) -> StartView:
    seconds = int((until - clock.now()).total_seconds())
    return StartView(authorization_url=url, state=departure.state, expires_in=seconds)


def _remember_browser(response: Response, departure: Departure, identification: AuthServices) -> None:
    """Cookies are later given to this browser only: nobody is signed in to another's account by following a link."""
    response.set_cookie(
        browser_cookie(identification),
        departure.browser,
        max_age=int(FLOW_LASTS.total_seconds()),
        path="/",
        secure=identification.secure_cookies,
        httponly=True,
        samesite="lax",
    )
