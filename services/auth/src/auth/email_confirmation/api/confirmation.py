"""/auth/email/confirmation and /auth/email/confirm."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, ValidationError

from auth.clients import Client
from auth.dependencies import RequestingClient, Services
from auth.email_confirmation.providers.codes import Codes
from auth.email_confirmation.usecases.change_email import redeem_link
from auth.email_confirmation.usecases.confirm_email import confirm_by_code
from auth.email_confirmation.usecases.request_code import request_code
from auth.errors import (
    CodeInvalid,
    CodeMissing,
    EmailMissing,
    FormIncomplete,
    NewEmailTaken,
    TokenInvalid,
    TooManyAttempts,
    UserNotFound,
)
from auth.fields import Email, EmailedCode, OneTimeToken
from auth.html import HTML_RESPONSE, LinkToken, error_page, form_fields, page, token_form
from auth.timing import constant_time
from common.errors import DukanError
from common.openapi.errors import errors
from common.persistence.transaction import Transaction
from common.web.dependencies import Begin
from common.web.envelope import Envelope, accepted, ok
from common.web.validation.checked_route import ignores_unknown_parameters

router = APIRouter()
forms = APIRouter(include_in_schema=False)

TITLE = "Confirm your e-mail address"


class Address(BaseModel):
    email: Email


class EmailConfirmation(BaseModel):
    """Either the link's token, or the address and the code that was sent to it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"email": "neema@example.com", "code": "482913"}]})

    token: OneTimeToken | None = None
    email: Email | None = None
    code: EmailedCode | None = None

    async def redeem(self, tx: Transaction, client: Client, codes: Codes) -> None:
        if self.token is not None:
            await redeem_link(tx, self.token, client)
            return
        if self.email is None:
            raise EmailMissing
        if self.code is None:
            raise CodeMissing
        await confirm_by_code(tx, self.email, self.code, client, codes)


@router.post(
    "/auth/email/confirmation",
    status_code=202,
    summary="Request another confirmation e-mail",
    responses=errors(TooManyAttempts),
)
async def post_confirmation(
    body: Address, client: RequestingClient, begin: Begin, services: Services
) -> Envelope[None]:
    """Another code and link, for an unconfirmed address; the response is the same for all addresses."""
    async with constant_time(begin) as tx:
        await request_code(tx, "confirm_email", body.email, client, services.codes)
    return accepted(None, "If this address is unconfirmed, an e-mail is on its way")


@router.post(
    "/auth/email/confirm",
    summary="Confirm an e-mail address",
    responses=errors(
        CodeInvalid, CodeMissing, EmailMissing, NewEmailTaken, TokenInvalid, TooManyAttempts, UserNotFound
    ),
)
async def post_email_confirm(
    body: EmailConfirmation, client: RequestingClient, begin: Begin, services: Services
) -> Envelope[None]:
    async with constant_time(begin) as tx:
        await body.redeem(tx, client, services.codes)
    return ok(None, "Your e-mail address is confirmed")


@router.get(
    "/auth/email/confirm",
    response_class=HTMLResponse,
    responses=HTML_RESPONSE,
    summary="Page for the link in a confirmation e-mail",
)
@ignores_unknown_parameters
async def get_confirm(token: LinkToken) -> HTMLResponse:
    return page(TITLE, token_form("../forms/email/confirm", token, "", "Confirm"))


@forms.post("/auth/forms/email/confirm")
async def post_confirm_form(
    request: Request, client: RequestingClient, begin: Begin, services: Services
) -> HTMLResponse:
    try:
        body = EmailConfirmation(token=(await form_fields(request)).get("token", ""))
        async with begin() as tx:
            await body.redeem(tx, client, services.codes)
    except ValidationError:
        return error_page(TITLE, FormIncomplete())
    except DukanError as error:
        return error_page(TITLE, error)
    return page(TITLE, "<p>Your e-mail address is confirmed.</p>")


router.include_router(forms)
