"""/auth/mfa: the authenticator app and its recovery codes."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field, StringConstraints

from auth.dependencies import NO_STORE, RequestingClient, Services
from auth.errors import (
    REAUTHENTICATION,
    TotpAlreadyOn,
    TotpCodeInvalid,
    TotpNotOn,
    TotpNotStarted,
)
from auth.reauthentication import Reauthenticate, ReauthRequest
from auth.sessions.usecases.end_sessions import count_other_sessions
from auth.totp.providers.authenticator_app import provisioning_uri, secret_text
from auth.totp.store import factors_of
from auth.totp.usecases import confirm_totp, remove_totp, renew_recovery_codes, start_totp
from auth.views import OtherSessionsView
from common.openapi.errors import errors
from common.web.dependencies import Begin, Caller
from common.web.envelope import Envelope, ok
from common.web.fields import Count

router = APIRouter(prefix="/auth/mfa", dependencies=[NO_STORE])

AppCode = Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$"), Field(examples=["482913"])]
Secret = Annotated[str, Field(description="Base32", examples=["JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"])]
ProvisioningUri = Annotated[
    str,
    Field(
        examples=[
            "otpauth://totp/Dukan:neema%40example.com?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Dukan",
        ]
    ),
]
RecoveryCode = Annotated[str, Field(examples=["k7mq2x-a9tb4w"])]


class Confirmation(BaseModel):
    code: AppCode


class FactorsView(BaseModel):
    totp: bool
    recovery_codes_left: Count


class EnrolmentView(BaseModel):
    """Show `uri` as a QR code, or `secret` to be typed in. Both are returned only once."""

    secret: Secret
    uri: ProvisioningUri


class RecoveryCodesView(OtherSessionsView):
    """Each code signs in once in place of the app's code. They are returned only once."""

    recovery_codes: list[RecoveryCode]


@router.get("", summary="Second factors of the caller")
async def get_factors(caller: Caller, begin: Begin) -> Envelope[FactorsView]:
    async with begin() as tx:
        factors = await factors_of(tx, caller.user_id)
    return ok(FactorsView(totp=factors["totp"], recovery_codes_left=factors["recovery_codes_left"]))


@router.post(
    "/totp",
    status_code=201,
    summary="Set up an authenticator app",
    responses=errors(TotpAlreadyOn, *REAUTHENTICATION),
)
async def post_totp(
    body: ReauthRequest, reauthenticate: Reauthenticate, client: RequestingClient, services: Services
) -> Envelope[EnrolmentView]:
    """A secret for an authenticator app. Sign-in asks for no code before it is confirmed."""
    async with reauthenticate(body) as (tx, account):
        secret = await start_totp(tx, account, client, services)
    view = EnrolmentView(secret=secret_text(secret), uri=provisioning_uri(secret, account.email))
    return ok(view, "Confirm with a code of the app")


@router.post(
    "/totp/confirm",
    summary="Confirm the authenticator app",
    responses=errors(TotpNotStarted, TotpCodeInvalid),
)
async def post_confirm(
    body: Confirmation, caller: Caller, client: RequestingClient, begin: Begin, services: Services
) -> Envelope[RecoveryCodesView]:
    """Turns the second factor on."""
    async with begin() as tx:
        codes = await confirm_totp(tx, caller.user_id, body.code, client, services)
        others = await count_other_sessions(tx, caller.user_id, caller.session_id)
    return ok(RecoveryCodesView(recovery_codes=codes, other_sessions=others), "The second factor is on")


@router.delete("/totp", summary="Turn the authenticator app off", responses=errors(TotpNotOn, *REAUTHENTICATION))
async def delete_totp(
    body: ReauthRequest, caller: Caller, reauthenticate: Reauthenticate, client: RequestingClient
) -> Envelope[OtherSessionsView]:
    async with reauthenticate(body) as (tx, account):
        await remove_totp(tx, account.id, client)
        others = await count_other_sessions(tx, account.id, caller.session_id)
    return ok(OtherSessionsView(other_sessions=others), "The second factor is off")


@router.post("/recovery-codes", summary="Make new recovery codes", responses=errors(TotpNotOn, *REAUTHENTICATION))
async def post_recovery_codes(
    body: ReauthRequest,
    caller: Caller,
    reauthenticate: Reauthenticate,
    client: RequestingClient,
    services: Services,
) -> Envelope[RecoveryCodesView]:
    """Ten new codes; the former ones stop working."""
    async with reauthenticate(body) as (tx, account):
        codes = await renew_recovery_codes(tx, account.id, client, services)
        others = await count_other_sessions(tx, account.id, caller.session_id)
    return ok(RecoveryCodesView(recovery_codes=codes, other_sessions=others), "Store them apart from the app")
