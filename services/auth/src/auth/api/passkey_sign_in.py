"""POST /auth/login/passkey and the options for it."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, StrictBool

from auth.api import refused, shown
from auth.api.credentials import UsedCredential
from auth.cookies import Cookies
from auth.dependencies import NO_STORE, RequestingClient, Services
from auth.fields import Name
from auth.timing import constant_time
from auth.usecases.challenge import make_challenge
from auth.usecases.sign_in_by_passkey import sign_in_by_passkey
from auth.views import SignInView
from common.errors import DukanError
from common.web.dependencies import Begin
from common.web.envelope import Envelope, ok

router = APIRouter(prefix="/auth/login/passkey", dependencies=[NO_STORE])


class PasskeyLogin(BaseModel):
    """The authenticator's answer; with `cookies` the tokens are left in cookies, for browsers."""

    credential: UsedCredential
    device_name: Name | None = None
    cookies: StrictBool = False


@router.post(
    "/options", summary="Begin to sign in with a passkey", responses=refused.ASKING_PASSKEY | shown.REQUEST_OPTIONS
)
async def post_passkey_login_options(
    client: RequestingClient, begin: Begin, identification: Services
) -> Envelope[dict[str, Any]]:
    """What `PublicKeyCredential.parseRequestOptionsFromJSON` takes; answer within five minutes. Nobody is named, so the
    person picks the account at the authenticator."""
    async with begin() as tx:
        challenge = await make_challenge(tx, "sign_in", client, None)
    return ok(identification.passkeys.request_options(challenge))


@router.post("", summary="Sign in with a passkey", responses=refused.SIGNING_IN_BY_PASSKEY)
async def post_passkey_login(
    body: PasskeyLogin, client: RequestingClient, begin: Begin, identification: Services, jar: Cookies
) -> Envelope[SignInView]:
    """A passkey is both factors: no code is asked for."""
    async with constant_time(begin) as tx:
        outcome = await sign_in_by_passkey(
            tx,
            body.credential.as_sent(),
            client,
            device_name=body.device_name,
            passkeys=identification.passkeys,
            signer=identification.signer,
            per_address=identification.per_address,
        )
    if isinstance(outcome, DukanError):
        raise outcome
    csrf_token = jar.fill(outcome) if body.cookies else None
    return ok(SignInView.of(outcome, identification.media_urls, csrf_token), "Signed in")
