"""An authenticator's answer to a challenge: whose passkey it is, if it is good. The caller records what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg

from auth.domain.passkeys import ChallengePurpose
from auth.providers.passkeys import Asserted, PasskeyRefusedError, Passkeys, challenge_of, raw_id_of, user_of
from auth.usecases.challenge import spend_challenge
from common import clock
from common.persistence.transaction import Transaction

FIND = "SELECT id, account_id, public_key FROM passkey WHERE credential_id = $1"
# Authenticators that count never show a number twice; most passkeys that are synced do not count at all.
USED = """
UPDATE passkey SET sign_count = $2, is_synced = $3, last_used_at = $4
WHERE id = $1 AND (sign_count < $2 OR sign_count = 0 AND $2 = 0) RETURNING 1
"""


@dataclass(frozen=True, slots=True)
class Used:
    """A good answer, by the passkey of this account."""

    account_id: UUID
    passkey_id: UUID
    asserted: Asserted


@dataclass(frozen=True, slots=True)
class Unusable:
    """`outcome` names for the trail what is wrong; `account_id` whose passkey it would be, if anybody's."""

    outcome: str
    account_id: UUID | None


async def judge_passkey(
    tx: Transaction,
    credential: Mapping[str, Any],
    purpose: ChallengePurpose,
    passkeys: Passkeys,
    account_id: UUID | None = None,
) -> Used | Unusable:
    """`account_id` is whose challenge it has to be; the passkey has to be theirs as well. Spends the challenge."""
    try:
        challenge = challenge_of(credential)
        if not await spend_challenge(tx, challenge, purpose, account_id):
            return Unusable("unknown_challenge", account_id)
        row = await tx.sql.fetchrow(FIND, raw_id_of(credential))
        if row is None or account_id not in (None, row["account_id"]) or not _is_users(credential, row):
            return Unusable("unknown_passkey", account_id)
    except PasskeyRefusedError:
        return Unusable("malformed_passkey", account_id)
    try:
        asserted = passkeys.asserted(credential, challenge, row["public_key"])
    except PasskeyRefusedError:
        return Unusable("wrong_passkey", row["account_id"])
    return Used(row["account_id"], row["id"], asserted)


async def mark_used(tx: Transaction, used: Used) -> bool:
    """Whether the authenticator's counter went on; one that did not may be a copy. The account's lock must be held."""
    asserted = used.asserted
    marked = await tx.sql.fetchval(USED, used.passkey_id, asserted.sign_count, asserted.is_synced, clock.now())
    return marked is not None


def _is_users(credential: Mapping[str, Any], row: asyncpg.Record) -> bool:
    """The authenticator, where it names the user, names the passkey's owner."""
    user = user_of(credential)
    return user is None or user == row["account_id"].bytes
