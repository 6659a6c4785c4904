"""/auth/mfa: the authenticator app and its recovery codes."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, StringConstraints

from auth.api import refused
from auth.api.proof import Proof, Prove
from auth.dependencies import NO_STORE, RequestingClient, Services
from auth.domain.totp import otpauth_uri, secret_text
from auth.queries.factors import factors_of
from auth.sessions.usecases.end_sessions import count_other_sessions
from auth.usecases.enrol_totp import confirm_totp, remove_totp, renew_recovery_codes, start_totp
from auth.views import OtherSessionsView
from common.errors import DukanError
from common.web.dependencies import Begin, Caller
from common.web.envelope import Envelope, ok

router = APIRouter(prefix="/auth/mfa", dependencies=[NO_STORE])

AppCode = Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]


class Confirmation(BaseModel):
    code: AppCode


class FactorsView(BaseModel):
    totp: bool
    recovery_codes_left: int


class EnrolmentView(BaseModel):
    """`uri` as a QR code, or `secret` typed in; shown this once."""

    secret: str
    uri: str


class RecoveryCodesView(OtherSessionsView):
    """Each signs in once instead of the app's code; shown this once."""

    recovery_codes: list[str]


@router.get("", summary="Second factors of the caller")
async def get_factors(caller: Caller, begin: Begin) -> Envelope[FactorsView]:
    async with begin() as tx:
        factors = await factors_of(tx, caller.user_id)
    return ok(FactorsView(totp=factors["totp"], recovery_codes_left=factors["recovery_codes_left"]))


@router.post("/totp", status_code=201, summary="Begin with an authenticator app", responses=refused.STARTING_TOTP)
async def post_totp(
    body: Proof, prove: Prove, client: RequestingClient, identification: Services
) -> Envelope[EnrolmentView]:
    """A secret for an authenticator app. Sign-in asks for nothing before it is confirmed."""
    async with prove(body) as (tx, account):
        secret = await start_totp(tx, account, client, identification.vault)
    view = EnrolmentView(secret=secret_text(secret), uri=otpauth_uri(secret, account.email))
    return ok(view, "Confirm with a code of the app")


@router.post("/totp/confirm", summary="Confirm the authenticator app", responses=refused.CONFIRMING_TOTP)
async def post_confirm(
    body: Confirmation, caller: Caller, client: RequestingClient, begin: Begin, identification: Services
) -> Envelope[RecoveryCodesView]:
    """Turns the second factor on."""
    async with begin() as tx:
        outcome = await confirm_totp(tx, caller.user_id, body.code, client, identification.vault)
        others = await count_other_sessions(tx, caller.user_id, caller.session_id)
    if isinstance(outcome, DukanError):
        raise outcome
    return ok(RecoveryCodesView(recovery_codes=outcome, other_sessions=others), "The second factor is on")


@router.delete("/totp", summary="Turn the authenticator app off", responses=refused.WITHOUT_TOTP)
async def delete_totp(
    body: Proof, caller: Caller, prove: Prove, client: RequestingClient
) -> Envelope[OtherSessionsView]:
    async with prove(body) as (tx, account):
        await remove_totp(tx, account.id, client)
        others = await count_other_sessions(tx, account.id, caller.session_id)
    return ok(OtherSessionsView(other_sessions=others), "The second factor is off")


@router.post("/recovery-codes", summary="Make new recovery codes", responses=refused.WITHOUT_TOTP)
async def post_recovery_codes(
    body: Proof, caller: Caller, prove: Prove, client: RequestingClient, identification: Services
) -> Envelope[RecoveryCodesView]:
    """Ten new codes; the old ones are good for nothing."""
    async with prove(body) as (tx, account):
        codes = await renew_recovery_codes(tx, account.id, client, identification.vault)
        others = await count_other_sessions(tx, account.id, caller.session_id)
    return ok(RecoveryCodesView(recovery_codes=codes, other_sessions=others), "Keep them where the app is not")
