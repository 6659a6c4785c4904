"""POST /auth/step-up: authenticate again for this session, by password or passkey."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from auth.dependencies import NO_STORE, RequestingClient, Services
from auth.errors import REAUTHENTICATION, NoPasskey, StepUpCredentialMissing, StepUpPasskeyInvalid, TooManyChallenges
from auth.fields import Seconds
from auth.passkeys.usecases.verify_passkey import step_up_options
from auth.reauthentication import Reauthenticate, ReauthRequest
from auth.step_up.domain import MAX_AUTH_AGE
from auth.step_up.usecases import record_step_up, step_up_by_passkey
from auth.webauthn_json import REQUEST_OPTIONS, AuthenticationCredential
from common.openapi.errors import errors
from common.web.dependencies import Begin, Caller
from common.web.envelope import Envelope, ok

router = APIRouter(prefix="/auth/step-up", dependencies=[NO_STORE])


class StepUp(ReauthRequest):
    """The password, with `code` if there is a second factor; or a passkey, which is both factors."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"password": "karanga-na-asali-42", "code": "482913"}]})

    passkey: AuthenticationCredential | None = None


class StepUpView(BaseModel):
    """`expires_in`: seconds for which this authentication counts as recent."""

    expires_in: Seconds


@router.post(
    "/options",
    summary="Start to step up with a passkey",
    responses=errors(NoPasskey, TooManyChallenges) | REQUEST_OPTIONS,
)
async def post_step_up_options(
    caller: Caller, client: RequestingClient, begin: Begin, services: Services
) -> Envelope[dict[str, Any]]:
    """Options for `PublicKeyCredential.parseRequestOptionsFromJSON`; respond within five minutes."""
    async with begin() as tx:
        return ok(await step_up_options(tx, caller.user_id, client, services.passkeys))


@router.post(
    "",
    summary="Authenticate again",
    responses=errors(StepUpCredentialMissing, StepUpPasskeyInvalid, *REAUTHENTICATION),
)
async def post_step_up(
    *,
    body: StepUp,
    caller: Caller,
    client: RequestingClient,
    begin: Begin,
    services: Services,
    reauthenticate: Reauthenticate,
) -> Envelope[StepUpView]:
    """For this session, before actions that a stolen session must not be able to do: API keys, passkeys, another
    e-mail address, deletion."""
    if body.passkey is not None:
        async with begin() as tx:
            await step_up_by_passkey(
                tx, caller.user_id, caller.session_id, body.passkey.to_json(), client=client, services=services
            )
    elif body.password is not None:
        async with reauthenticate(body) as (tx, account):
            await record_step_up(tx, account.id, caller.session_id, "password", client)
    else:
        raise StepUpCredentialMissing
    return ok(StepUpView(expires_in=int(MAX_AUTH_AGE.total_seconds())), "Authenticated again")
