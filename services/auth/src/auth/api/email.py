"""POST /auth/email/confirmation and /auth/email/confirm, /auth/check-email."""

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from auth.api import refused
from auth.api.context import Identification, Identifying, RequestingClient
from auth.api.evened import evened
from auth.api.fields import Email, MailedCode, OneTimeToken
from auth.domain.clients import Client
from auth.usecases.change_email import redeem_link
from auth.usecases.confirm_email import confirm_by_code
from auth.usecases.pre_register import check_email
from auth.usecases.request_code import request_code
from common.errors import DukanError, Invalid
from common.persistence.transaction import Transaction
from common.web.dependencies import Begin
from common.web.envelope import Envelope, accepted, ok

router = APIRouter()


class Address(BaseModel):
    email: Email


class EmailConfirmation(BaseModel):
    """Either the link's token, or the address and the code that was sent there."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"email": "neema@example.com", "code": "482913"}]})

    token: OneTimeToken | None = None
    email: Email | None = None
    code: MailedCode | None = None

    async def redeem(self, tx: Transaction, client: Client, identification: Identification) -> DukanError | None:
        if self.token is not None:
            return await redeem_link(tx, self.token, client)
        if self.email is None:
            raise Invalid("Give a token, or an e-mail address and a code", code="email_missing", field="email")
        if self.code is None:
            raise Invalid("Give the code that was sent to this address", code="code_missing", field="code")
        return await confirm_by_code(tx, self.email, self.code, client, identification.codes)


class AvailabilityView(BaseModel):
    """`available` is null where this installation does not say who has an account."""

    available: bool | None


@router.post(
    "/auth/email/confirmation", status_code=202, summary="Ask for another confirmation letter", responses=refused.ASKING
)
async def post_confirmation(
    body: Address, client: RequestingClient, begin: Begin, identification: Identifying
) -> Envelope[None]:
    """Another code and link, for an address that was not confirmed; the answer is the same for all."""
    async with evened(begin) as tx:
        refusal = await request_code(tx, "confirm_email", body.email, client, identification.codes)
    if refusal:
        raise refusal
    return accepted(None, "If this address waits for its confirmation, a letter is on its way")


@router.post("/auth/email/confirm", summary="Confirm an e-mail address", responses=refused.CONFIRMING)
async def post_email_confirm(
    body: EmailConfirmation, client: RequestingClient, begin: Begin, identification: Identifying
) -> Envelope[None]:
    async with evened(begin) as tx:
        refusal = await body.redeem(tx, client, identification)
    if refusal:
        raise refusal
    return ok(None, "Your e-mail address is confirmed")


@router.post("/auth/check-email", summary="Whether an e-mail address is free", responses=refused.ASKING)
async def post_check_email(
    body: Address, client: RequestingClient, begin: Begin, identification: Identifying
) -> Envelope[AvailabilityView]:
    async with evened(begin) as tx:
        available = await check_email(tx, body.email, client, identification.per_address)
    if isinstance(available, DukanError):
        raise available
    return ok(AvailabilityView(available=available if identification.existence_replies else None))
