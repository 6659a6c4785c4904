"""The SQL of passkeys and challenges."""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

import asyncpg

from auth.passkeys.domain import (
    CHALLENGE_LIFETIME,
    Assertion,
    ChallengePurpose,
    CredentialDescriptor,
    RegisteredCredential,
)
from common import clock
from common.ids import new_id
from common.persistence.rows import row_count
from common.persistence.transaction import Transaction

LIST = """
SELECT id, name, transports, is_synced, created_at, last_used_at FROM passkey WHERE account_id = $1 ORDER BY id
"""
DESCRIPTORS = "SELECT credential_id, transports FROM passkey WHERE account_id = $1 ORDER BY id"
FIND = "SELECT id, account_id, public_key FROM passkey WHERE credential_id = $1"
INSERT = """
INSERT INTO passkey
    (id, account_id, credential_id, public_key, sign_count, name, transports, is_synced, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (credential_id) DO NOTHING RETURNING *
"""
RENAME = "UPDATE passkey SET name = $3 WHERE id = $1 AND account_id = $2 RETURNING *"
DELETE = "DELETE FROM passkey WHERE id = $1 AND account_id = $2 RETURNING id"
# Authenticators that count never show a number twice; most synced passkeys do not count at all.
SAVE_USE = """
UPDATE passkey SET sign_count = $2, is_synced = $3, last_used_at = $4
WHERE id = $1 AND (sign_count < $2 OR sign_count = 0 AND $2 = 0) RETURNING 1
"""
OPEN_CHALLENGES = """
SELECT count(*), min(expires_at) AS first_expiry FROM passkey_challenge WHERE place = $1 AND expires_at > $2
"""
INSERT_CHALLENGE = """
INSERT INTO passkey_challenge (hash, purpose, account_id, place, expires_at) VALUES ($1, $2, $3, $4, $5)
"""
SPEND_CHALLENGE = """
DELETE FROM passkey_challenge
WHERE hash = $1 AND purpose = $2 AND account_id IS NOT DISTINCT FROM $3 AND expires_at > $4 RETURNING 1
"""
DELETE_EXPIRED_CHALLENGES = "DELETE FROM passkey_challenge WHERE expires_at < $1"


class OpenChallenges(NamedTuple):
    """How many challenges of a place wait for a response, and when the first of them expires."""

    total: int
    first_expiry: datetime


async def passkeys_of(tx: Transaction, account_id: UUID) -> list[asyncpg.Record]:
    """Rows as PasskeyView shows them, the oldest first; at most MAX_PASSKEYS."""
    rows: list[asyncpg.Record] = await tx.sql.fetch(LIST, account_id)
    return rows


async def descriptors_of(tx: Transaction, account_id: UUID) -> list[CredentialDescriptor]:
    """At most MAX_PASSKEYS."""
    rows = await tx.sql.fetch(DESCRIPTORS, account_id)
    return [CredentialDescriptor(row["credential_id"], row["transports"]) for row in rows]


async def find_by_credential(tx: Transaction, credential_id: bytes) -> asyncpg.Record | None:
    """`id`, `account_id` and `public_key`."""
    return await tx.sql.fetchrow(FIND, credential_id)


async def insert(
    tx: Transaction, account_id: UUID, name: str, credential: RegisteredCredential, transports: Sequence[str]
) -> asyncpg.Record | None:
    """None if the credential is registered already, by this account or another."""
    return await tx.sql.fetchrow(
        INSERT,
        new_id(),
        account_id,
        credential.credential_id,
        credential.public_key,
        credential.sign_count,
        name,
        transports,
        credential.is_synced,
        clock.now(),
    )


async def rename(tx: Transaction, account_id: UUID, passkey_id: UUID, name: str) -> asyncpg.Record | None:
    return await tx.sql.fetchrow(RENAME, passkey_id, account_id, name)


async def delete(tx: Transaction, account_id: UUID, passkey_id: UUID) -> bool:
    return await tx.sql.fetchval(DELETE, passkey_id, account_id) is not None


async def save_use(tx: Transaction, passkey_id: UUID, assertion: Assertion) -> bool:
    """False if the authenticator's counter did not increase."""
    saved = await tx.sql.fetchval(SAVE_USE, passkey_id, assertion.sign_count, assertion.is_synced, clock.now())
    return saved is not None


async def open_challenges(tx: Transaction, place: str) -> OpenChallenges:
    return OpenChallenges(*await tx.sql.fetchrow(OPEN_CHALLENGES, place, clock.now()))


async def insert_challenge(
    tx: Transaction, challenge: bytes, purpose: ChallengePurpose, account_id: UUID | None, place: str
) -> None:
    expires_at = clock.now() + CHALLENGE_LIFETIME
    await tx.sql.execute(INSERT_CHALLENGE, _digest(challenge), purpose, account_id, place, expires_at)


async def spend_challenge(
    tx: Transaction, challenge: bytes, purpose: ChallengePurpose, account_id: UUID | None
) -> bool:
    """Whether it was open for this purpose and account. It is not afterwards, whether the response is right or not."""
    return await tx.sql.fetchval(SPEND_CHALLENGE, _digest(challenge), purpose, account_id, clock.now()) is not None


async def delete_expired_challenges(tx: Transaction) -> int:
    """How many."""
    return row_count(await tx.sql.execute(DELETE_EXPIRED_CHALLENGES, clock.now()))


def _digest(challenge: bytes) -> bytes:
    return sha256(challenge).digest()
