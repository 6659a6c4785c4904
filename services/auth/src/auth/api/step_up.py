"""Proving again who one is, before what a stolen session must not do: in the request itself or by /auth/step-up."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict

from auth.api import refused, shown
from auth.api.credentials import UsedCredential
from auth.api.proof import Proof, Prove
from auth.audit.usecases import record_audit
from auth.dependencies import NO_STORE, RequestingClient, Services
from auth.domain.proofs import FRESH
from auth.fields import FactorCode, Password
from auth.usecases.step_up import is_fresh, mark_proved, step_up_by_passkey, step_up_options, step_up_required
from common.errors import DukanError, Invalid
from common.web.dependencies import Begin, Caller
from common.web.envelope import Envelope, ok

router = APIRouter(prefix="/auth/step-up", dependencies=[NO_STORE])


class FreshProof(BaseModel):
    """Not asked for when one has signed in or stepped up within five minutes. `code`, of the authenticator app or a
    recovery code, where there is a second factor."""

    password: Password | None = None
    code: FactorCode | None = None


class StepUp(FreshProof):
    """The password, with `code` where there is a second factor; or a passkey, which is both."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"password": "karanga-na-asali-42", "code": "482913"}]})

    passkey: UsedCredential | None = None


class StepUpView(BaseModel):
    """Seconds for which nothing more is asked."""

    expires_in: int


Confirming = Callable[[FreshProof | None], Awaitable[None]]


async def _confirm(caller: Caller, client: RequestingClient, begin: Begin, prove: Prove) -> Confirming:
    """`await confirm(body)`: the caller proves now who they are, or did a short time ago.

    Raises Forbidden saying how to, Invalid naming the field of a wrong proof, or RateLimited.
    """

    async def confirm(given: FreshProof | None) -> None:
        if given is not None and given.password is not None:
            async with prove(Proof(password=given.password, code=given.code)):
                return
        async with begin() as tx:
            is_proved = await is_fresh(tx, caller.user_id, caller.session_id)
            if not is_proved:
                ids = {"account_id": caller.user_id, "session_id": caller.session_id}
                await record_audit(tx, "step_up", "required", client, **ids)
        if not is_proved:
            raise step_up_required()

    return confirm


Confirm = Annotated[Confirming, Depends(_confirm)]


@router.post(
    "/options", summary="Begin to step up with a passkey", responses=refused.BEGINNING_STEP_UP | shown.REQUEST_OPTIONS
)
async def post_step_up_options(
    caller: Caller, client: RequestingClient, begin: Begin, identification: Services
) -> Envelope[dict[str, Any]]:
    """What `PublicKeyCredential.parseRequestOptionsFromJSON` takes; answer within five minutes."""
    async with begin() as tx:
        options = await step_up_options(tx, caller.user_id, client, identification.passkeys)
    return ok(options)


@router.post("", summary="Prove again who you are", responses=refused.STEPPING_UP)
async def post_step_up(
    *,
    body: StepUp,
    caller: Caller,
    client: RequestingClient,
    begin: Begin,
    identification: Services,
    prove: Prove,
) -> Envelope[StepUpView]:
    """For this session, before what a stolen one must not do: API keys, passkeys, another e-mail address, deletion."""
    if body.passkey is not None:
        async with begin() as tx:
            refusal = await step_up_by_passkey(
                tx,
                caller.user_id,
                caller.session_id,
                body.passkey.as_sent(),
                client=client,
                passkeys=identification.passkeys,
                per_address=identification.per_address,
            )
        if isinstance(refusal, DukanError):
            raise refusal
    elif body.password is not None:
        async with prove(Proof(password=body.password, code=body.code)) as (tx, account):
            await mark_proved(tx, account.id, caller.session_id, "password", client)
    else:
        raise Invalid("Give the password, or a passkey", code="proof_missing", field="password")
    return ok(StepUpView(expires_in=int(FRESH.total_seconds())), "Go on")
