"""SQL of one-time codes."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from auth.clients import Address
from auth.email_confirmation.domain import MAX_ATTEMPTS, Purpose
from common.persistence.rows import row_count
from common.persistence.transaction import Transaction

LOCK_RECIPIENT = "SELECT pg_advisory_xact_lock(hashtextextended('code:' || $1::text, 0))"
COUNT_EMAIL_REQUESTS = """
SELECT count(*) FILTER (WHERE created_at > $3) AS in_hour, count(*) AS in_day
FROM email_request WHERE recipient = $1 AND on_known_device = $2 AND created_at > $4
"""
INSERT_EMAIL_REQUEST = "INSERT INTO email_request (id, recipient, on_known_device, created_at) VALUES ($1, $2, $3, $4)"
DELETE_EMAIL_REQUESTS = """
DELETE FROM email_request WHERE id IN (SELECT id FROM email_request WHERE created_at < $1 LIMIT 5000)
"""
COUNT_SINCE = "SELECT count(*) FROM one_time_code WHERE subject = $1 AND purpose = $2 AND created_at > $3"
INSERT = """
INSERT INTO one_time_code
    (id, purpose, subject, account_id, code_hash, token_hash, address, network, created_at, expires_at, new_email)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""
LOCK_BY_SUBJECT = """
SELECT id, account_id, code_hash FROM one_time_code
WHERE subject = $1 AND purpose = $2 AND used_at IS NULL AND superseded_at IS NULL AND verified_at IS NULL
      AND code_hash IS NOT NULL AND expires_at > $3
      AND CASE WHEN network = $5 THEN attempts ELSE other_attempts END < $4
ORDER BY id FOR UPDATE
"""
SELECT_BY_LINK = """
SELECT id, account_id FROM one_time_code
WHERE token_hash = $1 AND purpose = $2 AND account_id IS NOT NULL AND used_at IS NULL AND superseded_at IS NULL
      AND expires_at > $3
"""
COUNT_ATTEMPT = """
UPDATE one_time_code
SET attempts = attempts + (network = $2)::int, other_attempts = other_attempts + (network <> $2)::int WHERE id = ANY($1)
"""
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
    network: str
    created_at: datetime
    expires_at: datetime
    new_email: str | None


async def lock_recipient(tx: Transaction, recipient: bytes) -> None:
    """Serialise concurrent requests for e-mails to one address."""
    await tx.sql.execute(LOCK_RECIPIENT, recipient.hex())


async def count_email_requests(
    tx: Transaction, recipient: bytes, *, on_known_device: bool, hour: datetime, day: datetime
) -> tuple[int, int]:
    """How many e-mails were sent to the recipient since `hour` and since `day`."""
    row = await tx.sql.fetchrow(COUNT_EMAIL_REQUESTS, recipient, on_known_device, hour, day)
    return row["in_hour"], row["in_day"]


async def insert_email_request(
    tx: Transaction, new_id: UUID, recipient: bytes, *, on_known_device: bool, now: datetime
) -> None:
    await tx.sql.execute(INSERT_EMAIL_REQUEST, new_id, recipient, on_known_device, now)


async def delete_email_requests_before(tx: Transaction, before: datetime) -> int:
    """One batch; returns how many were deleted."""
    return row_count(await tx.sql.execute(DELETE_EMAIL_REQUESTS, before))


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
        new.network,
        new.created_at,
        new.expires_at,
        new.new_email,
    )


async def lock_open_codes(
    tx: Transaction, subject: bytes, purpose: Purpose, network: str, now: datetime
) -> list[asyncpg.Record]:
    """The codes that may still be entered from this network: `id`, `account_id`, `code_hash`. Counts the attempt."""
    rows: list[asyncpg.Record] = await tx.sql.fetch(LOCK_BY_SUBJECT, subject, purpose, now, MAX_ATTEMPTS, network)
    if rows:
        await tx.sql.execute(COUNT_ATTEMPT, [row["id"] for row in rows], network)
    return rows


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
