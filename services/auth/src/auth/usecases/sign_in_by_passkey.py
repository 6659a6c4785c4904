"""Signing in with a passkey, which is both factors: the authenticator, and the finger or PIN that it asked for.

Refusals are returned, not raised: the transaction that records a failure must commit. All of them read alike.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlmodel import col, select

from auth.accounts.usecases import Account
from auth.audit.usecases import record_audit
from auth.clients import Client
from auth.errors import TooManyAttempts
from auth.providers.passkeys import Passkeys
from auth.providers.signing import Signer
from auth.sessions.usecases.open_session import TokenPair, open_session
from auth.throttle.domain import Policy
from auth.throttle.usecases import Limits, count_failure, forgive, request_limits, wait_of
from auth.usecases.use_passkey import Unusable, judge_passkey, mark_used
from common.errors import DukanError, Unauthenticated
from common.persistence.transaction import Transaction


async def sign_in_by_passkey(
    tx: Transaction,
    credential: Mapping[str, Any],
    client: Client,
    *,
    device_name: str | None,
    passkeys: Passkeys,
    signer: Signer,
    per_address: Policy,
) -> TokenPair | DukanError:
    limits = request_limits("passkey", credential["id"], client.address, per_address)
    if wait := await wait_of(tx, limits):
        await _record(tx, "throttled", client, None)
        return TooManyAttempts(wait)
    answer = await judge_passkey(tx, credential, "sign_in", passkeys)
    if isinstance(answer, Unusable):
        return await _refused(tx, answer, client, limits)
    account = await _open_account(tx, answer.account_id)
    if account is None:
        return await _not_accepted(tx, "account_closed", client, answer.account_id)
    if not await mark_used(tx, answer):
        return await _not_accepted(tx, "counter_went_back", client, account.id)
    await forgive(tx, limits)
    grant = await open_session(tx, account, client, device_name, signer)
    ids = {"account_id": account.id, "session_id": grant.session_id}
    await record_audit(tx, "sign_in", "succeeded", client, **ids, passkey=str(answer.passkey_id))
    return grant


async def _open_account(tx: Transaction, account_id: UUID) -> Account | None:
    """Locked; None when nobody may sign in to it."""
    is_open = (col(Account.id) == account_id, col(Account.is_active), col(Account.deleted_at).is_(None))
    return (await tx.session.exec(select(Account).where(*is_open).with_for_update())).first()


async def _refused(tx: Transaction, answer: Unusable, client: Client, limits: Limits) -> DukanError:
    if wait := await count_failure(tx, limits):
        await _record(tx, "throttled", client, answer.account_id)
        return TooManyAttempts(wait)
    return await _not_accepted(tx, answer.outcome, client, answer.account_id)


async def _not_accepted(tx: Transaction, outcome: str, client: Client, account_id: UUID | None) -> DukanError:
    await _record(tx, outcome, client, account_id)
    return Unauthenticated("The passkey is not accepted", code="passkey_not_accepted")


async def _record(tx: Transaction, outcome: str, client: Client, account_id: UUID | None) -> None:
    await record_audit(tx, "sign_in", outcome, client, account_id=account_id)
