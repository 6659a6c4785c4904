"""A signed-in caller authenticates again, before actions that a stolen session must not be able to do.

By password, the steps are those of a sign-in. Failures count under keys of their own: guesses made with a stolen
session must not keep the owner from signing in. A session records when its owner last authenticated, at sign-in or by
a step-up; sessions of API keys never do.
"""

from collections.abc import Mapping
from typing import Any, NoReturn
from uuid import UUID

from auth.accounts.usecases import Account, find_account, locked_account
from auth.audit.usecases import record_audit
from auth.clients import Client
from auth.errors import (
    InvalidCredentials,
    OtpInvalid,
    OtpRequired,
    PasswordMissing,
    ReauthCodeInvalid,
    ReauthCodeRequired,
    StepUpPasskeyInvalid,
    StepUpRequired,
    TooManyAttempts,
    WrongPassword,
)
from auth.passkeys.usecases.verify_passkey import PasskeyRejectedError, record_use, verify_passkey
from auth.passwords.domain import Verification
from auth.services import AuthServices
from auth.sessions.usecases.sign_in import Attempt, settle, too_many
from auth.step_up import store
from auth.throttle.usecases import Limits, count_failure, forgive, limits_of, wait_of
from common.persistence.transaction import Transaction


async def begin_reauthentication(tx: Transaction, account_id: UUID, client: Client, services: AuthServices) -> Attempt:
    """Raises TooManyAttempts."""
    account = await find_account(tx, account_id)
    attempt = Attempt(account, _limits(account_id, client, services), client, "prove")
    if wait := await wait_of(tx, attempt.limits):
        await too_many(tx, attempt, wait)
    return attempt


async def accept_recent_auth(tx: Transaction, attempt: Attempt, account_id: UUID, session_id: UUID) -> Verification:
    """In place of the password, for an account without one. Raises PasswordMissing and StepUpRequired."""
    if attempt.password_hash is not None:
        raise PasswordMissing
    if not await store.has_recent_auth(tx, account_id, session_id):
        raise StepUpRequired
    return Verification(matches=True)


async def finish_reauthentication(
    tx: Transaction, attempt: Attempt, verification: Verification, code: str | None, services: AuthServices
) -> Account:
    """The account, locked. Raises WrongPassword, ReauthCodeRequired, ReauthCodeInvalid and TooManyAttempts.

    The errors of a sign-in have status 401, after which clients sign the person out; here they stay signed in.
    """
    try:
        return await settle(tx, attempt, verification, code, services.vault)
    except InvalidCredentials as error:
        raise WrongPassword from error
    except OtpRequired as error:
        raise ReauthCodeRequired from error
    except OtpInvalid as error:
        raise ReauthCodeInvalid from error


async def require_recent_auth(tx: Transaction, account_id: UUID, session_id: UUID, client: Client) -> None:
    """Raises StepUpRequired."""
    if not await store.has_recent_auth(tx, account_id, session_id):
        await record_audit(tx, "step_up", "required", client, account_id=account_id, session_id=session_id)
        raise StepUpRequired


async def record_step_up(tx: Transaction, account_id: UUID, session_id: UUID, method: str, client: Client) -> None:
    """`method` names the credential in the audit trail."""
    await store.save_auth(tx, account_id, session_id)
    ids = {"account_id": account_id, "session_id": session_id}
    await record_audit(tx, "step_up", "succeeded", client, **ids, method=method)


async def step_up_by_passkey(
    tx: Transaction,
    account_id: UUID,
    session_id: UUID,
    credential: Mapping[str, Any],
    *,
    client: Client,
    services: AuthServices,
) -> None:
    """Failures count together with those of passwords. Raises StepUpPasskeyInvalid and TooManyAttempts."""
    limits = _limits(account_id, client, services)
    if wait := await wait_of(tx, limits):
        await _reject_throttled(tx, account_id, wait, client)
    try:
        passkey = await verify_passkey(tx, credential, "step_up", services.passkeys, account_id)
    except PasskeyRejectedError as rejection:
        await _count_failure(tx, account_id, rejection.outcome, limits, client)
        raise StepUpPasskeyInvalid from rejection
    await locked_account(tx, account_id)
    if not await record_use(tx, passkey):
        await _record(tx, "counter_went_back", account_id, client)
        raise StepUpPasskeyInvalid
    await forgive(tx, limits)
    await record_step_up(tx, account_id, session_id, "passkey", client)


def _limits(account_id: UUID, client: Client, services: AuthServices) -> Limits:
    return limits_of(f"proof:{account_id}", client.address, services.per_address)


async def _count_failure(tx: Transaction, account_id: UUID, outcome: str, limits: Limits, client: Client) -> None:
    """Raises TooManyAttempts if the attempt came too early."""
    if wait := await count_failure(tx, limits):
        await _reject_throttled(tx, account_id, wait, client)
    await _record(tx, outcome, account_id, client)


async def _reject_throttled(tx: Transaction, account_id: UUID, wait: float, client: Client) -> NoReturn:
    await _record(tx, "throttled", account_id, client)
    raise TooManyAttempts(wait)


async def _record(tx: Transaction, outcome: str, account_id: UUID, client: Client) -> None:
    await record_audit(tx, "step_up", outcome, client, account_id=account_id)
