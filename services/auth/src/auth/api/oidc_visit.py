"""Someone who comes back from an issuer: asked about between two transactions, and let in or not."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Path, Request
from pydantic import BaseModel, StrictBool, StringConstraints

from auth.audit.usecases import record_audit
from auth.clients import Client
from auth.dependencies import RequestingClient, Services
from auth.domain.oidc import Stranger
from auth.fields import FactorCode, Name, OneTimeToken
from auth.providers.issuers import Issuers
from auth.providers.oidc import Provider
from auth.services import AuthServices
from auth.sessions.usecases.open_session import TokenPair
from auth.usecases.return_oidc import Return, claim_return, end_return, give_back
from auth.usecases.sign_in_by_identity import sign_in_by_identity
from common.errors import DukanError, Forbidden, Invalid, Unavailable
from common.security.cookies import cookie_name
from common.web.dependencies import Begin

Code = Annotated[str, StringConstraints(min_length=1, max_length=4096)]
Issuer = Annotated[str, StringConstraints(min_length=1, max_length=500)]
IssuersError = Annotated[str, StringConstraints(pattern=r"^[ -~]{1,100}$")]


class Answer(BaseModel):
    """What the issuer sent the browser back with: `code`, or `error` when it let nobody in."""

    state: OneTimeToken
    code: Code | None = None
    error: IssuersError | None = None
    iss: Issuer | None = None

    @property
    def given_code(self) -> str:
        if self.code is None:
            raise Invalid("Give the code that the issuer sent", code="oidc_code_missing", field="code")
        return self.code


class Finish(Answer):
    """`otp` where the account has a second factor; the request can be made again with it. With `cookies` the tokens
    are left in cookies, for the browser that started."""

    otp: FactorCode | None = None
    device_name: Name | None = None
    cookies: StrictBool = False


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of somebody who comes back."""

    request: Request
    client: Client
    begin: Begin
    identification: AuthServices

    @property
    def browser(self) -> str:
        """What the browser was given when it set out; empty for another."""
        return self.request.cookies.get(browser_cookie(self.identification), "")

    async def sign_in(self, body: Finish, provider: Provider) -> TokenPair:
        """Raises the refusal, once what was tried is recorded."""
        returned, stranger = await self.identify(body, provider, browser=self.browser if body.cookies else None)
        async with self.begin() as tx:
            outcome = await sign_in_by_identity(
                tx,
                returned,
                stranger,
                body.given_code,
                self.client,
                otp=body.otp or None,
                device_name=body.device_name,
                signer=self.identification.signer,
                vault=self.identification.vault,
                services=self.identification,
                may_tell=self.identification.reveals_account_existence,
            )
        if isinstance(outcome, DukanError):
            raise outcome
        return outcome

    async def identify(
        self, body: Answer, provider: Provider, *, browser: str | None = None, account_id: UUID | None = None
    ) -> tuple[Return, Stranger]:
        """Whom the issuer names, for a state that waits for its answer; `account_id` is whose it has to be."""
        code = "" if body.error else body.given_code
        vault = self.identification.vault
        async with self.begin() as tx:
            returned = await claim_return(
                tx, body.state, code, vault, provider=provider.name, browser=browser, account_id=account_id
            )
        if isinstance(returned, DukanError):
            raise returned
        return returned, returned.stranger or await self._asked(returned, body, provider, account_id)

    async def _asked(self, returned: Return, body: Answer, provider: Provider, account_id: UUID | None) -> Stranger:
        try:
            if body.error:
                raise _declined(body.error)
            return await provider.redeem(body.given_code, body.iss, returned.secrets)
        except Unavailable:
            async with self.begin() as tx:
                await give_back(tx, returned)
            raise
        except DukanError as refusal:
            action = "link_identity" if account_id else "sign_in"
            async with self.begin() as tx:
                await end_return(tx, returned)
                await record_audit(tx, action, refusal.code, self.client, account_id=account_id, provider=provider.name)
            raise


def browser_cookie(identification: AuthServices) -> str:
    return cookie_name("dukan_oidc", secure=identification.secure_cookies)


def _declined(error: str) -> Forbidden:
    if error == "access_denied":
        return Forbidden("You were not let in by the issuer", code="oidc_denied", field="error")
    return Forbidden("The issuer refused the sign-in", code="oidc_refused", field="error", detail={"error": error})


async def _issuers(request: Request) -> Issuers:
    issuers: Issuers = request.app.state.issuers
    return issuers


TheIssuers = Annotated[Issuers, Depends(_issuers)]


ProviderName = Annotated[
    str,
    Path(pattern=r"^[A-Za-z0-9_-]{1,40}$", description="What GET /auth/oidc calls the issuer", examples=["company"]),
]


async def _provider(provider: ProviderName, issuers: TheIssuers) -> Provider:
    return issuers.find(provider)


async def _visit(request: Request, client: RequestingClient, begin: Begin, identification: Services) -> Visit:
    return Visit(request, client, begin, identification)


TheProvider = Annotated[Provider, Depends(_provider)]
TheVisit = Annotated[Visit, Depends(_visit)]
