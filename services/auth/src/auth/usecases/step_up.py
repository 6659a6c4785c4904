"""A session remembers when its owner last proved who they are: at sign-in, or since.

What a stolen session must not do asks for a proof that is not old. Sessions of API keys have none, and get none.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from auth.accounts.usecases import locked_account
from auth.audit.usecases import record_audit
from auth.clients import Client
from auth.domain.proofs import FRESH
from auth.errors import TooManyAttempts
from auth.providers.passkeys import Passkeys
from auth.throttle.domain import Policy
from auth.throttle.usecases import Limits, count_failure, forgive, limits_of, wait_of
from auth.usecases.challenge import make_challenge
from auth.usecases.register_passkey import own_credentials
from auth.usecases.use_passkey import Unusable, judge_passkey, mark_used
from common import clock
from common.errors import Conflict, DukanError, Forbidden, Invalid
from common.persistence.transaction import Transaction

IS_FRESH = """
SELECT EXISTS (SELECT FROM session WHERE id = $1 AND account_id = $2 AND ended_at IS NULL AND proved_at > $3)
"""
PROVED = "UPDATE session SET proved_at = $3 WHERE id = $1 AND account_id = $2 AND ended_at IS NULL"


async def is_fresh(tx: Transaction, account_id: UUID, session_id: UUID) -> bool:
    """Whether the session's owner proved who they are a short time ago."""
    return bool(await tx.sql.fetchval(IS_FRESH, session_id, account_id, clock.now() - FRESH))


def step_up_required() -> Forbidden:
    return Forbidden(
        "Prove again who you are: give `password`, and `code` with a second factor; POST /auth/step-up; or sign in",
        code="step_up_required",
        field="password",
    )


async def mark_proved(tx: Transaction, account_id: UUID, session_id: UUID, method: str, client: Client) -> None:
    """`method` names on the trail what was shown."""
    await tx.sql.execute(PROVED, session_id, account_id, clock.now())
    ids = {"account_id": account_id, "session_id": session_id}
    await record_audit(tx, "step_up", "succeeded", client, **ids, method=method)


async def step_up_options(tx: Transaction, account_id: UUID, client: Client, passkeys: Passkeys) -> dict[str, Any]:
    """Raises Conflict when the account has no passkey to step up with."""
    own = await own_credentials(tx, account_id)
    if not own:
        raise Conflict("No passkey is registered: give the password", code="no_passkey", field="passkey")
    return passkeys.request_options(await make_challenge(tx, "step_up", client, account_id), own)


async def step_up_by_passkey(
    tx: Transaction,
    account_id: UUID,
    session_id: UUID,
    credential: Mapping[str, Any],
    *,
    client: Client,
    passkeys: Passkeys,
    per_address: Policy,
) -> DukanError | None:
    """Refusals are returned, not raised. Failures are counted with those of passwords that are asked for again."""
    limits = limits_of(f"proof:{account_id}", client.address, per_address)
    if wait := await wait_of(tx, limits):
        return await _too_often(tx, account_id, wait, client)
    answer = await judge_passkey(tx, credential, "step_up", passkeys, account_id)
    if isinstance(answer, Unusable):
        return await _failed(tx, account_id, answer.outcome, limits, client)
    await locked_account(tx, account_id)
    if not await mark_used(tx, answer):
        return await _refused(tx, account_id, "counter_went_back", client)
    await forgive(tx, limits)
    await mark_proved(tx, account_id, session_id, "passkey", client)
    return None


async def _failed(tx: Transaction, account_id: UUID, outcome: str, limits: Limits, client: Client) -> DukanError:
    if wait := await count_failure(tx, limits):
        return await _too_often(tx, account_id, wait, client)
    return await _refused(tx, account_id, outcome, client)


async def _refused(tx: Transaction, account_id: UUID, outcome: str, client: Client) -> DukanError:
    await record_audit(tx, "step_up", outcome, client, account_id=account_id)
    return Invalid("The passkey is not accepted; ask for new options", code="passkey_invalid", field="passkey")


async def _too_often(tx: Transaction, account_id: UUID, wait: float, client: Client) -> DukanError:
    await record_audit(tx, "step_up", "throttled", client, account_id=account_id)
    return TooManyAttempts(wait)
