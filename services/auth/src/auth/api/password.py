"""A forgotten password: POST /auth/otp/send and /auth/otp/verify, /auth/password/reset. One to replace: …/change."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field

from auth.api import refused
from auth.api.context import Forget, Identification, Identifying, RequestingClient
from auth.api.evened import evened
from auth.api.fields import Email, FactorCode, MailedCode, OneTimeToken, Password
from auth.domain.clients import Client
from auth.domain.codes import LIFETIME
from auth.domain.passwords import check_password
from auth.queries.accounts import find_account
from auth.queries.password_resets import password_resets
from auth.reauthentication import Reauthenticate, ReauthRequest
from auth.tables import Account
from auth.usecases.end_sessions import end_sessions_of
from auth.usecases.record_audit import record_audit
from auth.usecases.request_code import request_code
from auth.usecases.reset_password import exchange_code, reset_password, unproven, whose_reset
from auth.usecases.set_password import set_password
from common.contracts.auth import SessionRevoked
from common.errors import DukanError, Invalid, Unauthenticated
from common.security.tokens import Identity
from common.web.dependencies import Begin, Caller, may
from common.web.envelope import Envelope, accepted, ok
from common.web.pagination import Cursor, cursor_meta, position


async def _never_stored(response: Response) -> None:
    response.headers["Cache-Control"] = "no-store"


router = APIRouter(dependencies=[Depends(_never_stored)])

Reader = Annotated[Identity, may("resets.read")]


class SendCode(BaseModel):
    email: Email
    purpose: Literal["reset_password"] = "reset_password"


class VerifyCode(BaseModel):
    email: Email
    code: MailedCode


class GrantView(BaseModel):
    """Good for one new password, for `expires_in` seconds."""

    grant: str
    expires_in: int


class Reset(BaseModel):
    """`grant` of a verified code, or `token` of the letter's link."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"grant": "h7Jd2kLm9QwXz4RtYb6NcVp1", "new_password": "embe-mbili-kwa-jua-7"}]}
    )

    grant: OneTimeToken | None = None
    token: OneTimeToken | None = None
    new_password: Password

    @property
    def proof(self) -> str:
        if not (proof := self.grant or self.token):
            raise Invalid("Give a grant or a token", code="token_missing", field="token")
        return proof


class Change(BaseModel):
    """`current_password`, unless the account has none and its owner signed in within five minutes; `code`, of the
    authenticator app or a recovery code, where there is a second factor."""

    current_password: Password | None = None
    new_password: Password
    code: FactorCode | None = None


class ResetView(BaseModel):
    """A request and what came of it. `email` is null where the address was nobody's."""

    id: UUID
    user_id: UUID | None
    email: str | None
    address: Annotated[str, Field(examples=["203.0.113.7"])]
    outcome: Literal["used", "code_accepted", "superseded", "guessed_too_often", "expired", "open"]
    attempts: int
    requested_at: datetime
    expires_at: datetime
    used_at: datetime | None


@router.post(
    "/auth/otp/send", status_code=202, summary="Ask for a code to reset the password", responses=refused.ASKING
)
async def post_otp_send(
    body: SendCode, client: RequestingClient, begin: Begin, identification: Identifying
) -> Envelope[None]:
    """A code and a link by mail; the answer is the same for addresses that nobody has."""
    async with evened(begin) as tx:
        refusal = await request_code(tx, body.purpose, body.email, client, identification.codes)
    if refusal:
        raise refusal
    return accepted(None, "If this address has an account, a letter is on its way")


@router.post("/auth/otp/verify", summary="Exchange a code for a grant", responses=refused.VERIFYING)
async def post_otp_verify(
    body: VerifyCode, client: RequestingClient, begin: Begin, identification: Identifying
) -> Envelope[GrantView]:
    async with evened(begin) as tx:
        outcome = await exchange_code(tx, body.email, body.code, client, identification.codes)
    if isinstance(outcome, DukanError):
        raise outcome
    return ok(GrantView(grant=outcome, expires_in=int(LIFETIME.total_seconds())), "Choose a new password")


@router.post("/auth/password/reset", summary="Set a forgotten password anew", responses=refused.RESETTING)
async def post_reset(
    body: Reset, client: RequestingClient, begin: Begin, identification: Identifying, forget: Forget
) -> Envelope[None]:
    """Ends every session. Sign-in still asks for the second factor, where there is one."""
    forget(await reset(body, client, begin, identification))
    return ok(None, "Your password is changed; sign in with it")


async def reset(body: Reset, client: Client, begin: Begin, identification: Identification) -> list[SessionRevoked]:
    """Hashes between the transactions, and only for somebody who has the proof."""
    async with begin() as tx:
        account = await whose_reset(tx, body.proof)
    if account is None:
        raise unproven()
    password_hash = await identification.hashing.hash(_checked(body.new_password, account))
    async with begin() as tx:
        outcome = await reset_password(tx, body.proof, password_hash, client)
    if isinstance(outcome, DukanError):
        raise outcome
    return outcome


@router.post("/auth/password/change", summary="Change the password")
async def post_change(
    *,
    body: Change,
    caller: Caller,
    client: RequestingClient,
    begin: Begin,
    identification: Identifying,
    prove: Reauthenticate,
    forget: Forget,
) -> Envelope[None]:
    """Ends the other sessions."""
    async with begin() as tx:
        account = await find_account(tx, caller.user_id)
    if account is None:
        raise Unauthenticated("The account is gone", code="account_gone")
    password_hash = await identification.hashing.hash(_checked(body.new_password, account))
    try:
        async with prove(ReauthRequest(password=body.current_password, code=body.code)) as (tx, proven):
            await set_password(tx, proven, password_hash)
            await record_audit(tx, "change_password", "succeeded", client, account_id=proven.id)
            ended = await end_sessions_of(tx, proven.id, "password_changed", but=caller.session_id)
    except Invalid as refusal:
        raise _of_current(refusal) from refusal
    forget(ended)
    return ok(None, "Your password is changed")


@router.get("/auth/password/resets", summary="Requests for a new password")
async def get_resets(_: Reader, begin: Begin, cursor: Cursor) -> Envelope[list[ResetView]]:
    """Requests for a new password, newest first, with what came of them."""
    before = position(cursor, UUID)
    async with begin() as tx:
        rows = await password_resets(tx, before, cursor.limit)
    following = rows[-1]["id"] if len(rows) == cursor.limit else None
    return ok([ResetView.model_validate(dict(row)) for row in rows], meta=cursor_meta(following))


def _checked(password: str, account: Account) -> str:
    about = (account.email, account.username, account.first_name, account.last_name)
    try:
        return check_password(password, about)
    except Invalid as refusal:
        raise Invalid(refusal.message, code=refusal.code, field="new_password") from refusal


def _of_current(refusal: Invalid) -> Invalid:
    """The proof's `password` is this form's `current_password`."""
    if refusal.field != "password":
        return refusal
    return Invalid(refusal.message, code=refusal.code, field="current_password")
