"""/auth/email/change. The link in the e-mail is confirmed by POST /auth/email/confirm."""

from fastapi import APIRouter
from pydantic import BaseModel

from auth.dependencies import RequestingClient, Services
from auth.email_confirmation.usecases.change_email import change_email_by_code, request_email_change
from auth.errors import (
    STEP_UP,
    CodeInvalid,
    EmailUnchanged,
    NewEmailTaken,
    TooManyAttempts,
    UserNotFound,
)
from auth.fields import Email, EmailedCode
from auth.reauthentication import ReauthRequest, RequireStepUp
from auth.sessions.usecases.end_sessions import count_other_sessions
from auth.timing import constant_time
from auth.views import OtherSessionsView
from common.openapi.errors import errors
from common.web.dependencies import Begin, Caller
from common.web.envelope import Envelope, accepted, ok

router = APIRouter(prefix="/auth/email/change")


class NewAddress(ReauthRequest):
    email: Email


class NewAddressCode(BaseModel):
    """From the e-mail to the new address."""

    code: EmailedCode


@router.post(
    "",
    status_code=202,
    summary="Request another e-mail address",
    responses=errors(EmailUnchanged, UserNotFound, *STEP_UP),
)
async def post_email_change(
    *,
    body: NewAddress,
    caller: Caller,
    require_step_up: RequireStepUp,
    client: RequestingClient,
    begin: Begin,
    services: Services,
) -> Envelope[None]:
    """Sends a code and a link to the new address; the response is the same for a taken one. Needs re-authentication."""
    await require_step_up(body)
    async with constant_time(begin) as tx:
        await request_email_change(tx, caller.user_id, body.email, client, services.codes)
    return accepted(None, "If this address is free, an e-mail is on its way")


@router.post(
    "/confirm",
    summary="Change the e-mail address",
    responses=errors(CodeInvalid, NewEmailTaken, TooManyAttempts, UserNotFound),
)
async def post_email_change_confirm(
    body: NewAddressCode, caller: Caller, client: RequestingClient, begin: Begin, services: Services
) -> Envelope[OtherSessionsView]:
    """Notifies the former address. Sessions stay; the response counts the others."""
    async with begin() as tx:
        await change_email_by_code(tx, caller.user_id, body.code, client, services.codes)
        others = await count_other_sessions(tx, caller.user_id, caller.session_id)
    return ok(OtherSessionsView(other_sessions=others), "Your e-mail address is changed")
