"""The callback of an issuer: its parameters, and the identity that its code stands for."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Path, Request
from pydantic import BaseModel, Field, StrictBool, StringConstraints

from auth.audit.usecases import record_audit
from auth.clients import Client
from auth.dependencies import RequestingClient, Services
from auth.errors import (
    IdTokenInvalid,
    IssuerDeniedAccess,
    IssuerRejectedLogin,
    IssuerUnavailable,
    OidcCodeInvalid,
    OidcCodeMissing,
    OidcStateInvalid,
    UnknownProvider,
    UserinfoInvalid,
    WrongIssuer,
)
from auth.fields import FactorCode, Name, OneTimeToken
from auth.oidc.domain import ExternalIdentity
from auth.oidc.providers.provider import Provider, Providers
from auth.oidc.usecases.pending_logins import IdentifiedLogin, PendingLogin, claim_login, end_login, release_login
from auth.oidc.usecases.sign_in_by_identity import sign_in_by_identity
from auth.services import AuthServices
from auth.sessions.usecases.open_session import TokenPair
from common.errors import DukanError, Unavailable
from common.security.cookies import cookie_name
from common.web.dependencies import Begin

CALLBACK_ERRORS = (
    IdTokenInvalid,
    UserinfoInvalid,
    IssuerDeniedAccess,
    IssuerRejectedLogin,
    WrongIssuer,
    UnknownProvider,
    OidcStateInvalid,
    OidcCodeMissing,
    OidcCodeInvalid,
    IssuerUnavailable,
)
"""The errors of `OidcCallback.identify`."""

Code = Annotated[str, StringConstraints(min_length=1, max_length=4096), Field(examples=["SplxlOBeZQQYbYS6WxSbIA"])]
Issuer = Annotated[
    str, StringConstraints(min_length=1, max_length=500), Field(examples=["https://login.company.example"])
]
IssuerError = Annotated[str, StringConstraints(pattern=r"^[ -~]{1,100}$"), Field(examples=["access_denied"])]


class CallbackParams(BaseModel):
    """The parameters with which the issuer sent the browser back: `code`, or `error` if it rejected the sign-in."""

    state: OneTimeToken
    code: Code | None = None
    error: IssuerError | None = None
    iss: Issuer | None = None

    @property
    def required_code(self) -> str:
        """Empty with an `error`. Raises OidcCodeMissing."""
        if self.error:
            return ""
        if self.code is None:
            raise OidcCodeMissing
        return self.code


class Finish(CallbackParams):
    """`otp` if the account has a second factor; the request can be repeated with it. With `cookies`, the tokens are set
    as cookies, for the browser that started."""

    otp: FactorCode | None = None
    device_name: Name | None = None
    cookies: StrictBool = False


@dataclass(frozen=True, slots=True)
class OidcCallback:
    """The request that carries the parameters of a callback."""

    request: Request
    client: Client
    begin: Begin
    services: AuthServices

    @property
    def browser(self) -> str:
        """The cookie of the browser that started the sign-in; empty for another."""
        return self.request.cookies.get(browser_cookie(self.services), "")

    async def sign_in(self, body: Finish, provider: Provider) -> TokenPair:
        login = await self.identify(body, provider, browser=self.browser if body.cookies else None)
        async with self.begin() as tx:
            return await sign_in_by_identity(
                tx, login, self.client, self.services, otp=body.otp or None, device_name=body.device_name
            )

    async def identify(
        self, body: CallbackParams, provider: Provider, *, browser: str | None = None, account_id: UUID | None = None
    ) -> IdentifiedLogin:
        """Claims the sign-in and asks the issuer, outside any transaction. Raises CALLBACK_ERRORS."""
        async with self.begin() as tx:
            login = await claim_login(
                tx,
                body.state,
                body.required_code,
                self.services,
                provider=provider.name,
                browser=browser,
                account_id=account_id,
            )
        identity = login.identity or await self._ask_issuer(login, body, provider, account_id)
        return IdentifiedLogin(login.state_hash, login.code, identity)

    async def _ask_issuer(
        self, login: PendingLogin, body: CallbackParams, provider: Provider, account_id: UUID | None
    ) -> ExternalIdentity:
        try:
            if body.error:
                raise _issuer_error(body.error)
            return await provider.redeem(login.code, body.iss, login.secrets)
        except Unavailable:
            async with self.begin() as tx:
                await release_login(tx, login)
            raise
        except DukanError as error:
            action = "link_identity" if account_id else "sign_in"
            async with self.begin() as tx:
                await end_login(tx, login)
                await record_audit(tx, action, error.code, self.client, account_id=account_id, provider=provider.name)
            raise


def browser_cookie(services: AuthServices) -> str:
    return cookie_name("dukan_oidc", secure=services.secure_cookies)


def _issuer_error(error: str) -> DukanError:
    if error == "access_denied":
        return IssuerDeniedAccess()
    return IssuerRejectedLogin(detail={"error": error})


async def _providers(request: Request) -> Providers:
    providers: Providers = request.app.state.oidc_providers
    return providers


AllProviders = Annotated[Providers, Depends(_providers)]


ProviderName = Annotated[
    str,
    Path(pattern=r"^[A-Za-z0-9_-]{1,40}$", description="The issuer's `name` in GET /auth/oidc", examples=["company"]),
]


async def _provider(provider: ProviderName, providers: AllProviders) -> Provider:
    return providers.find(provider)


async def _callback(request: Request, client: RequestingClient, begin: Begin, services: Services) -> OidcCallback:
    return OidcCallback(request, client, begin, services)


OneProvider = Annotated[Provider, Depends(_provider)]
Callback = Annotated[OidcCallback, Depends(_callback)]
