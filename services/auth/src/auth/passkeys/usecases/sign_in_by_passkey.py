"""Sign-in with a passkey, which is both factors: the authenticator, and the finger or PIN that it asked for.

All rejections have one error, so that a response does not tell what is wrong; the audit trail does.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from auth.accounts.usecases import lock_open_account
from auth.audit.usecases import record_audit
from auth.clients import Client
from auth.errors import PasskeyNotAccepted, TooManyAttempts
from auth.passkeys.usecases.verify_passkey import PasskeyRejectedError, record_use, verify_passkey
from auth.services import AuthServices
from auth.sessions.usecases.open_session import TokenPair, open_session
from auth.throttle.usecases import Limits, count_failure, forgive, request_limits, wait_of
from common.persistence.transaction import Transaction


async def sign_in_by_passkey(
    tx: Transaction,
    credential: Mapping[str, Any],
    client: Client,
    device_name: str | None,
    services: AuthServices,
) -> TokenPair:
    """Raises PasskeyNotAccepted and TooManyAttempts."""
    limits = request_limits("passkey", credential["id"], client.address, services.per_address)
    if wait := await wait_of(tx, limits):
        await _record(tx, "throttled", client, None)
        raise TooManyAttempts(wait)
    try:
        passkey = await verify_passkey(tx, credential, "sign_in", services.passkeys)
    except PasskeyRejectedError as rejection:
        await _count_failure(tx, rejection, client, limits)
        raise PasskeyNotAccepted from rejection
    account = await lock_open_account(tx, passkey.account_id)
    if account is None:
        await _record(tx, "account_closed", client, passkey.account_id)
        raise PasskeyNotAccepted
    if not await record_use(tx, passkey):
        await _record(tx, "counter_went_back", client, account.id)
        raise PasskeyNotAccepted
    await forgive(tx, limits)
    tokens = await open_session(tx, account, client, device_name, services.signer)
    ids = {"account_id": account.id, "session_id": tokens.session_id}
    await record_audit(tx, "sign_in", "succeeded", client, **ids, passkey=str(passkey.passkey_id))
    return tokens


async def _count_failure(tx: Transaction, rejection: PasskeyRejectedError, client: Client, limits: Limits) -> None:
    """Raises TooManyAttempts if the attempt came too early."""
    if wait := await count_failure(tx, limits):
        await _record(tx, "throttled", client, rejection.account_id)
        raise TooManyAttempts(wait) from rejection
    await _record(tx, rejection.outcome, client, rejection.account_id)


async def _record(tx: Transaction, outcome: str, client: Client, account_id: UUID | None) -> None:
    await record_audit(tx, "sign_in", outcome, client, account_id=account_id)
