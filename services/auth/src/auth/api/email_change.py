"""/auth/email/change: another address for the account. The letter's link is confirmed as any other."""

from fastapi import APIRouter
from pydantic import BaseModel

from auth.api import refused
from auth.api.context import Identifying, RequestingClient
from auth.api.evened import evened
from auth.api.fields import Email, MailedCode
from auth.api.views import OtherSessionsView
from auth.queries.sessions import count_others
from auth.reauthentication import ReauthRequest, RequireStepUp
from auth.usecases.change_email import change_email_by_code, request_email_change
from common.web.dependencies import Begin, Caller
from common.web.envelope import Envelope, accepted, ok

router = APIRouter(prefix="/auth/email/change")


class NewAddress(ReauthRequest):
    email: Email


class NewAddressCode(BaseModel):
    """Of the letter to the new address."""

    code: MailedCode


@router.post("", status_code=202, summary="Ask for another e-mail address", responses=refused.ASKING_EMAIL_CHANGE)
async def post_email_change(
    *,
    body: NewAddress,
    caller: Caller,
    confirm: RequireStepUp,
    client: RequestingClient,
    begin: Begin,
    identification: Identifying,
) -> Envelope[None]:
    """A code and a link go to the new address, whose answer is the same when somebody has it. Asks for a fresh proof
    of who one is."""
    await confirm(body)
    async with evened(begin) as tx:
        refusal = await request_email_change(tx, caller.user_id, body.email, client, identification.codes)
    if refusal:
        raise refusal
    return accepted(None, "If this address is free, a letter is on its way")


@router.post("/confirm", summary="Change the e-mail address", responses=refused.CHANGING_EMAIL)
async def post_email_change_confirm(
    body: NewAddressCode, caller: Caller, client: RequestingClient, begin: Begin, identification: Identifying
) -> Envelope[OtherSessionsView]:
    """The former address is told. Sessions stay; the answer says how many there are besides."""
    async with begin() as tx:
        refusal = await change_email_by_code(tx, caller.user_id, body.code, client, identification.codes)
        others = await count_others(tx, caller.user_id, caller.session_id)
    if refusal:
        raise refusal
    return ok(OtherSessionsView(other_sessions=others), "Your e-mail address is changed")
