"""SQL of one-time codes."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from auth.clients import Address
from auth.email_confirmation.domain import MAX_ATTEMPTS, Purpose
from common.persistence.rows import row_count
from common.persistence.transaction import Transaction

LOCK_SUBJECT = "SELECT pg_advisory_xact_lock(hashtextextended('code:' || $1::text, 0))"
# One code at a time, because codes can be guessed. Links and grants cannot: they stay valid, so that an outsider who
# requests another e-mail takes nothing from the owner.
REVOKE_CODE = """
UPDATE one_time_code SET code_hash = NULL
WHERE subject = $1 AND purpose = $2 AND code_hash IS NOT NULL AND used_at IS NULL AND superseded_at IS NULL
"""
COUNT_SINCE = "SELECT count(*) FROM one_time_code WHERE subject = $1 AND purpose = $2 AND created_at > $3"
INSERT = """
INSERT INTO one_time_code
    (id, purpose, subject, account_id, code_hash, token_hash, address, created_at, expires_at, new_email)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
"""
LOCK_BY_SUBJECT = """
SELECT id, account_id, code_hash FROM one_time_code
WHERE subject = $1 AND purpose = $2 AND used_at IS NULL AND superseded_at IS NULL AND verified_at IS NULL
      AND code_hash IS NOT NULL AND expires_at > $3 AND attempts < $4
FOR UPDATE
"""
SELECT_BY_LINK = """
SELECT id, account_id FROM one_time_code
WHERE token_hash = $1 AND purpose = $2 AND account_id IS NOT NULL AND used_at IS NULL AND superseded_at IS NULL
      AND expires_at > $3
"""
COUNT_ATTEMPT = "UPDATE one_time_code SET attempts = attempts + 1 WHERE id = $1"
USE = "UPDATE one_time_code SET used_at = $2 WHERE id = $1"
# The grant replaces the token of the link, which is used up as well.
VERIFY = "UPDATE one_time_code SET verified_at = $2, token_hash = $3, expires_at = $4 WHERE id = $1"
SUPERSEDE = """
UPDATE one_time_code SET superseded_at = $3
WHERE account_id = $1 AND purpose = $2 AND used_at IS NULL AND superseded_at IS NULL
"""
NEW_EMAIL = "SELECT new_email FROM one_time_code WHERE id = $1"
DELETE_BEFORE = "DELETE FROM one_time_code WHERE id IN (SELECT id FROM one_time_code WHERE created_at < $1 LIMIT 5000)"


@dataclass(frozen=True, slots=True)
class NewCode:
    id: UUID
    purpose: Purpose
    subject: bytes
    account_id: UUID | None
    code_hash: bytes | None
    token_hash: bytes
    address: Address
    created_at: datetime
    expires_at: datetime
    new_email: str | None


async def revoke_code(tx: Transaction, subject: bytes, purpose: Purpose) -> None:
    """Revoke the subject's open code, and serialise concurrent requests for another."""
    await tx.sql.execute(LOCK_SUBJECT, subject.hex())
    await tx.sql.execute(REVOKE_CODE, subject, purpose)


async def count_codes_since(tx: Transaction, subject: bytes, purpose: Purpose, since: datetime) -> int:
    return int(await tx.sql.fetchval(COUNT_SINCE, subject, purpose, since))


async def insert_code(tx: Transaction, new: NewCode) -> None:
    await tx.sql.execute(
        INSERT,
        new.id,
        new.purpose,
        new.subject,
        new.account_id,
        new.code_hash,
        new.token_hash,
        new.address,
        new.created_at,
        new.expires_at,
        new.new_email,
    )


async def lock_open_code(tx: Transaction, subject: bytes, purpose: Purpose, now: datetime) -> asyncpg.Record | None:
    """The code that may still be entered: `id`, `account_id`, `code_hash`. Counts the attempt."""
    row = await tx.sql.fetchrow(LOCK_BY_SUBJECT, subject, purpose, now, MAX_ATTEMPTS)
    if row is not None:
        await tx.sql.execute(COUNT_ATTEMPT, row["id"])
    return row


async def find_by_token(
    tx: Transaction, token_hash: bytes, purpose: Purpose, now: datetime, *, lock: bool
) -> asyncpg.Record | None:
    """`id` and `account_id` of the request whose link or grant is still valid."""
    return await tx.sql.fetchrow(SELECT_BY_LINK + ("FOR UPDATE" if lock else ""), token_hash, purpose, now)


async def mark_used(tx: Transaction, code_id: UUID, now: datetime) -> None:
    await tx.sql.execute(USE, code_id, now)


async def mark_verified(
    tx: Transaction, code_id: UUID, now: datetime, *, grant_hash: bytes, expires_at: datetime
) -> None:
    await tx.sql.execute(VERIFY, code_id, now, grant_hash, expires_at)


async def supersede_codes(tx: Transaction, account_id: UUID, purpose: Purpose, now: datetime) -> None:
    """Invalidate the account's open codes, links and grants of this purpose."""
    await tx.sql.execute(SUPERSEDE, account_id, purpose, now)


async def new_email_of(tx: Transaction, code_id: UUID) -> str:
    email: str = await tx.sql.fetchval(NEW_EMAIL, code_id)
    return email


async def delete_codes_before(tx: Transaction, before: datetime) -> int:
    """One batch; returns how many were deleted."""
    return row_count(await tx.sql.execute(DELETE_BEFORE, before))
