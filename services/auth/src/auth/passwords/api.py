"""/auth/otp and /auth/password: reset a forgotten password, change a known one."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, ValidationError

from auth.accounts.usecases import Account, find_account
from auth.clients import Client
from auth.dependencies import NO_STORE, MarkRevoked, RequestingClient, Services
from auth.email_confirmation.domain import LIFETIME
from auth.email_confirmation.usecases.request_code import request_code
from auth.errors import (
    REAUTHENTICATION,
    WEAK_PASSWORD,
    AccountGone,
    CodeInvalid,
    FormIncomplete,
    SignInBusy,
    TokenInvalid,
    TokenMissing,
    TooManyAttempts,
)
from auth.fields import Email, EmailedCode, FactorCode, OneTimeToken, Password, Seconds
from auth.html import HTML_RESPONSE, LinkToken, error_page, form_fields, page, token_form
from auth.passwords.domain import check_password
from auth.passwords.store import list_resets
from auth.passwords.usecases import change_password, exchange_code, find_reset_account, reset_password
from auth.reauthentication import Reauthenticate, ReauthRequest
from auth.services import AuthServices
from auth.timing import constant_time
from common.contracts.auth import SessionRevoked
from common.errors import DukanError, Invalid
from common.ids import canonical_uuid
from common.openapi.errors import errors
from common.people.emails import search_spelling
from common.security.tokens import Identity
from common.web import fields
from common.web.dependencies import Begin, Caller, may
from common.web.envelope import Envelope, accepted, ok
from common.web.listing import SearchText
from common.web.pagination import Cursor, InvalidCursor, cursor_meta, position
from common.web.validation.checked_route import ignores_unknown_parameters

router = APIRouter(dependencies=[NO_STORE])
forms = APIRouter(include_in_schema=False)

Reader = Annotated[Identity, may("resets.read")]

TITLE = "Choose a new password"
FIELDS = (
    '<p><label>New password<br><input type="password" name="new_password" required minlength="8" maxlength="128"'
    ' autocomplete="new-password"></label></p>'
)


class SendCode(BaseModel):
    email: Email
    purpose: Literal["reset_password"] = "reset_password"


class VerifyCode(BaseModel):
    email: Email
    code: EmailedCode


class GrantView(BaseModel):
    """Sets one new password, within `expires_in` seconds."""

    grant: OneTimeToken
    expires_in: Seconds


class Reset(BaseModel):
    """`grant` of a verified code, or `token` of the link in the e-mail."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"grant": "h7Jd2kLm9QwXz4RtYb6NcVp1", "new_password": "embe-mbili-kwa-jua-7"}]}
    )

    grant: OneTimeToken | None = None
    token: OneTimeToken | None = None
    new_password: Password

    @property
    def either_token(self) -> str:
        if not (token := self.grant or self.token):
            raise TokenMissing
        return token


class Change(BaseModel):
    """`current_password` may be omitted if the account has none and its owner signed in within five minutes.

    `code`, of the authenticator app or a recovery code, is needed with a second factor.
    """

    current_password: Password | None = None
    new_password: Password
    code: FactorCode | None = None


class ResetView(BaseModel):
    """A request and its outcome. `email` is null if no account has the address."""

    id: UUID
    user_id: UUID | None
    email: fields.EmailAddress | None
    address: fields.IpAddress
    outcome: Literal["used", "code_accepted", "superseded", "guessed_too_often", "expired", "open"]
    attempts: fields.Count
    requested_at: datetime
    expires_at: datetime
    used_at: datetime | None


@router.post(
    "/auth/otp/send",
    status_code=202,
    summary="Request a code to reset the password",
    responses=errors(TooManyAttempts),
)
async def post_otp_send(body: SendCode, client: RequestingClient, begin: Begin, services: Services) -> Envelope[None]:
    """Sends a code and a link by e-mail; the response is the same for unknown addresses."""
    async with constant_time(begin) as tx:
        await request_code(tx, body.purpose, body.email, client, services.codes)
    return accepted(None, "If this address has an account, an e-mail is on its way")


@router.post("/auth/otp/verify", summary="Exchange a code for a grant", responses=errors(CodeInvalid, TooManyAttempts))
async def post_otp_verify(
    body: VerifyCode, client: RequestingClient, begin: Begin, services: Services
) -> Envelope[GrantView]:
    async with constant_time(begin) as tx:
        grant = await exchange_code(tx, body.email, body.code, client, services)
    return ok(GrantView(grant=grant, expires_in=int(LIFETIME.total_seconds())), "Choose a new password")


@router.post(
    "/auth/password/reset",
    summary="Set a new password by grant or link",
    responses=errors(TokenInvalid, TokenMissing, SignInBusy, *WEAK_PASSWORD),
)
async def post_reset(
    body: Reset, client: RequestingClient, begin: Begin, services: Services, mark_revoked: MarkRevoked
) -> Envelope[None]:
    """Ends every session. Sign-in still asks for the second factor, if the account has one."""
    mark_revoked(await _reset(body, client, begin, services))
    return ok(None, "Your password is changed; sign in with it")


async def _reset(body: Reset, client: Client, begin: Begin, services: AuthServices) -> list[SessionRevoked]:
    """Hashes between the transactions, and only for a valid grant or link."""
    async with begin() as tx:
        account = await find_reset_account(tx, body.either_token)
    if account is None:
        raise TokenInvalid
    password_hash = await services.hashing.hash(_check_new_password(body.new_password, account))
    async with begin() as tx:
        return await reset_password(tx, body.either_token, password_hash, client)


@router.post(
    "/auth/password/change",
    summary="Change the password",
    responses=errors(AccountGone, *REAUTHENTICATION, *WEAK_PASSWORD),
)
async def post_change(
    *,
    body: Change,
    caller: Caller,
    client: RequestingClient,
    begin: Begin,
    services: Services,
    reauthenticate: Reauthenticate,
    mark_revoked: MarkRevoked,
) -> Envelope[None]:
    """Ends the other sessions."""
    async with begin() as tx:
        account = await find_account(tx, caller.user_id)
    if account is None:
        raise AccountGone
    password_hash = await services.hashing.hash(_check_new_password(body.new_password, account))
    try:
        async with reauthenticate(ReauthRequest(password=body.current_password, code=body.code)) as (tx, locked):
            ended = await change_password(tx, locked, password_hash, caller.session_id, client)
    except Invalid as error:
        # The re-authentication's `password` is this form's `current_password`.
        error.field = "current_password" if error.field == "password" else error.field
        raise
    mark_revoked(ended)
    return ok(None, "Your password is changed")


@router.get("/auth/password/resets", summary="Requests for a new password", responses=errors(InvalidCursor))
async def get_resets(
    _: Reader,
    begin: Begin,
    cursor: Cursor,
    search: Annotated[
        SearchText | None, Query(description="part of the e-mail or IP address", examples=["neema@"])
    ] = None,
) -> Envelope[list[ResetView]]:
    """Newest first, with their outcome."""
    before = position(cursor, canonical_uuid)
    async with begin() as tx:
        rows = await list_resets(tx, before, cursor.limit, search_spelling(search))
    meta = cursor_meta(rows[-1]["id"] if len(rows) == cursor.limit else None)
    return ok([ResetView.model_validate(dict(row)) for row in rows], meta=meta)


@router.get(
    "/auth/password/reset",
    response_class=HTMLResponse,
    responses=HTML_RESPONSE,
    summary="Page for the link in a password reset e-mail",
)
@ignores_unknown_parameters
async def get_reset(token: LinkToken) -> HTMLResponse:
    return page(TITLE, token_form("../forms/password/reset", token, FIELDS, "Save"))


@forms.post("/auth/forms/password/reset")
async def post_reset_form(
    request: Request, client: RequestingClient, begin: Begin, services: Services, mark_revoked: MarkRevoked
) -> HTMLResponse:
    form = await form_fields(request)
    try:
        body = Reset(token=form.get("token", ""), new_password=form.get("new_password", ""))
        mark_revoked(await _reset(body, client, begin, services))
    except ValidationError:
        return error_page(TITLE, FormIncomplete())
    except DukanError as error:
        return error_page(TITLE, error)
    return page(TITLE, "<p>Your password is changed. Sign in with it.</p>")


router.include_router(forms)


def _check_new_password(password: str, account: Account) -> str:
    personal_data = (account.email, account.username, account.first_name, account.last_name)
    return check_password(password, personal_data, field="new_password")
