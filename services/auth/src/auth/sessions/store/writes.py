"""SQL that locks and writes sessions, devices and refresh tokens."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from auth.clients import Client
from common.persistence.rows import row_count
from common.persistence.transaction import Transaction

INSERT_SESSION = """
INSERT INTO session
    (id, account_id, device_id, device_name, address, user_agent, created_at, seen_at, proved_at, expires_at,
     access_expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $7, $8, $9)
"""
INSERT_TOKEN = "INSERT INTO refresh_token (hash, session_id, parent, issued_at) VALUES ($1, $2, $3, $4)"  # noqa: S105
# The sign-in has locked the account, so none of its devices is inserted in between.
HAS_DEVICE = "SELECT EXISTS (SELECT FROM device WHERE account_id = $1)"
UPSERT_DEVICE = """
INSERT INTO device (id, account_id, name, address, user_agent, first_seen_at, seen_at)
VALUES ($1, $2, $3, $4, $5, $6, $6)
ON CONFLICT (account_id, name) DO UPDATE
SET address = excluded.address, user_agent = excluded.user_agent, seen_at = excluded.seen_at RETURNING id
"""
LOCK_SESSION = """
SELECT id, account_id, expires_at, ended_at FROM session
WHERE id = (SELECT session_id FROM refresh_token WHERE hash = $1) FOR UPDATE
"""
# A statement of its own: it must see what the previous holder of the lock has written.
PRESENTED = """
SELECT token.issued_at, token.rotated_at, child.issued_at AS child_issued_at, child.rotated_at AS child_rotated_at
FROM refresh_token token LEFT JOIN refresh_token child ON child.parent = token.hash WHERE token.hash = $1
"""
MARK_ROTATED = "UPDATE refresh_token SET rotated_at = $2 WHERE hash = $1"
MARK_SEEN = """
WITH seen AS (
    UPDATE session SET seen_at = $2, access_expires_at = greatest(access_expires_at, $3) WHERE id = $1
    RETURNING device_id
)
UPDATE device SET seen_at = $2, address = $4 FROM seen WHERE device.id = seen.device_id
"""
END_ONE = """
UPDATE session SET ended_at = $2, end_reason = $3 WHERE id = $1 AND ended_at IS NULL
RETURNING id, account_id, access_expires_at
"""
END_OF_ACCOUNT = """
UPDATE session SET ended_at = $2, end_reason = $3
WHERE id IN (SELECT id FROM session WHERE account_id = $1 AND ended_at IS NULL AND id IS DISTINCT FROM $4
             ORDER BY id FOR UPDATE)
RETURNING id, account_id, access_expires_at
"""
END_ON_DEVICE = """
UPDATE session SET ended_at = $2, end_reason = $3
WHERE id IN (SELECT id FROM session WHERE device_id = $1 AND ended_at IS NULL ORDER BY id FOR UPDATE)
RETURNING id, account_id, access_expires_at
"""
END_BATCH = """
UPDATE session SET ended_at = $1, end_reason = $2
WHERE id IN (SELECT id FROM session WHERE ended_at IS NULL AND created_at <= $3 ORDER BY id LIMIT $4 FOR UPDATE)
RETURNING id, account_id, access_expires_at
"""
DEVICE_NAME = "SELECT name FROM device WHERE id = $1 AND account_id = $2"
DELETE_DEVICE = "DELETE FROM device WHERE id = $1"
DELETE_SESSIONS = """
DELETE FROM session WHERE id IN (
    SELECT id FROM session WHERE expires_at < $1 OR ended_at < $1 OR seen_at < $2 LIMIT 1000)
"""
DELETE_DEVICES = """
DELETE FROM device WHERE id IN (
    SELECT id FROM device WHERE seen_at < $1 AND NOT EXISTS (SELECT FROM session WHERE device_id = device.id)
    LIMIT 1000)
"""

Rows = list[asyncpg.Record]
"""Ended sessions: `id`, `account_id`, `access_expires_at`."""


@dataclass(frozen=True, slots=True)
class NewSession:
    id: UUID
    account_id: UUID
    device_id: UUID
    device_name: str | None
    client: Client
    created_at: datetime
    expires_at: datetime
    access_expires_at: datetime


async def insert_session(tx: Transaction, new: NewSession) -> None:
    await tx.sql.execute(
        INSERT_SESSION,
        new.id,
        new.account_id,
        new.device_id,
        new.device_name,
        new.client.address,
        new.client.user_agent,
        new.created_at,
        new.expires_at,
        new.access_expires_at,
    )


async def insert_refresh_token(
    tx: Transaction, token_hash: bytes, session_id: UUID, *, parent: bytes | None, issued_at: datetime
) -> None:
    await tx.sql.execute(INSERT_TOKEN, token_hash, session_id, parent, issued_at)


async def has_device(tx: Transaction, account_id: UUID) -> bool:
    return bool(await tx.sql.fetchval(HAS_DEVICE, account_id))


async def upsert_device(
    tx: Transaction, new_id: UUID, account_id: UUID, *, name: str, client: Client, now: datetime
) -> UUID:
    """The device's id: `new_id` if the account had no device of this name."""
    device_id: UUID = await tx.sql.fetchval(
        UPSERT_DEVICE, new_id, account_id, name, client.address, client.user_agent, now
    )
    return device_id


async def lock_session_of(tx: Transaction, token_hash: bytes) -> asyncpg.Record | None:
    """The session of a refresh token: `id`, `account_id`, `expires_at`, `ended_at`."""
    return await tx.sql.fetchrow(LOCK_SESSION, token_hash)


async def presented_token(tx: Transaction, token_hash: bytes) -> asyncpg.Record:
    """`issued_at` and `rotated_at` of the token and, prefixed with `child_`, of its child."""
    return await tx.sql.fetchrow(PRESENTED, token_hash)


async def mark_rotated(tx: Transaction, token_hash: bytes, now: datetime) -> None:
    await tx.sql.execute(MARK_ROTATED, token_hash, now)


async def mark_seen(
    tx: Transaction, session_id: UUID, now: datetime, *, access_expires_at: datetime, client: Client
) -> None:
    """Of the session and its device."""
    await tx.sql.execute(MARK_SEEN, session_id, now, access_expires_at, client.address)


async def end_one(tx: Transaction, session_id: UUID, now: datetime, reason: str) -> Rows:
    rows: Rows = await tx.sql.fetch(END_ONE, session_id, now, reason)
    return rows


async def end_of_account(tx: Transaction, account_id: UUID, now: datetime, reason: str, *, but: UUID | None) -> Rows:
    rows: Rows = await tx.sql.fetch(END_OF_ACCOUNT, account_id, now, reason, but)
    return rows


async def end_on_device(tx: Transaction, device_id: UUID, now: datetime, reason: str) -> Rows:
    rows: Rows = await tx.sql.fetch(END_ON_DEVICE, device_id, now, reason)
    return rows


async def end_batch(tx: Transaction, now: datetime, reason: str, created_by: datetime, limit: int) -> Rows:
    rows: Rows = await tx.sql.fetch(END_BATCH, now, reason, created_by, limit)
    return rows


async def find_device_name(tx: Transaction, device_id: UUID, account_id: UUID) -> str | None:
    name: str | None = await tx.sql.fetchval(DEVICE_NAME, device_id, account_id)
    return name


async def delete_device(tx: Transaction, device_id: UUID) -> None:
    await tx.sql.execute(DELETE_DEVICE, device_id)


async def delete_sessions(tx: Transaction, *, ended_before: datetime, unseen_since: datetime) -> int:
    """One batch; returns how many were deleted."""
    return row_count(await tx.sql.execute(DELETE_SESSIONS, ended_before, unseen_since))


async def delete_devices(tx: Transaction, *, unseen_since: datetime) -> int:
    """One batch of devices without sessions; returns how many were deleted."""
    return row_count(await tx.sql.execute(DELETE_DEVICES, unseen_since))
