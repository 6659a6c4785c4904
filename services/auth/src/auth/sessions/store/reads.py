"""SQL that reads sessions and devices."""

from uuid import UUID

import asyncpg

from common import clock
from common.persistence.transaction import Transaction

REVOKED = "SELECT id, access_expires_at FROM session WHERE ended_at IS NOT NULL AND access_expires_at > $1"
IS_LIVE = """
SELECT EXISTS (SELECT FROM session JOIN account ON account.id = account_id
               WHERE session.id = $1 AND ended_at IS NULL AND expires_at > $2 AND is_active)
"""
DEVICES = """
SELECT device.id, name, device.address, device.user_agent, first_seen_at, device.seen_at, count(session.id) AS sessions,
       coalesce(bool_or(session.id = $2), false) AS is_current
FROM device LEFT JOIN session ON device_id = device.id AND ended_at IS NULL AND expires_at > $3
WHERE device.account_id = $1 GROUP BY device.id ORDER BY device.seen_at DESC, device.id LIMIT $4
"""
SESSIONS = """
SELECT session.id, device_id, coalesce(device.name, device_name) AS device_name, session.address, session.user_agent,
       created_at, session.seen_at, expires_at
FROM session LEFT JOIN device ON device.id = device_id
WHERE session.account_id = $1 AND ended_at IS NULL AND expires_at > $2
ORDER BY session.seen_at DESC, session.id LIMIT $3
"""
HAS_SESSION = "SELECT EXISTS (SELECT FROM session WHERE id = $1 AND account_id = $2 AND ended_at IS NULL)"
COUNT_OTHERS = """
SELECT count(*) FROM session
WHERE account_id = $1 AND id <> $2 AND ended_at IS NULL AND expires_at > $3
      AND NOT EXISTS (SELECT FROM api_key WHERE session_id = session.id)
"""
FIND_REFRESHED = """
SELECT session.id, account_id FROM session JOIN refresh_token ON session_id = session.id WHERE hash = $1
"""
MAX_LISTED = 100


async def revoked_sessions(tx: Transaction) -> list[asyncpg.Record]:
    """Ended sessions whose access tokens have not expired: `id`, `access_expires_at`."""
    rows: list[asyncpg.Record] = await tx.sql.fetch(REVOKED, clock.now())
    return rows


async def is_live(tx: Transaction, session_id: UUID) -> bool:
    """False for an ended, expired or unknown session, and for that of a closed account."""
    return bool(await tx.sql.fetchval(IS_LIVE, session_id, clock.now()))


async def list_devices(tx: Transaction, account_id: UUID, current_session: UUID) -> list[asyncpg.Record]:
    """Rows as DeviceView shows them."""
    rows: list[asyncpg.Record] = await tx.sql.fetch(DEVICES, account_id, current_session, clock.now(), MAX_LISTED)
    return rows


async def list_sessions(tx: Transaction, account_id: UUID) -> list[asyncpg.Record]:
    """Rows as SessionView shows them, without `is_current`."""
    rows: list[asyncpg.Record] = await tx.sql.fetch(SESSIONS, account_id, clock.now(), MAX_LISTED)
    return rows


async def count_other_sessions(tx: Transaction, account_id: UUID, current_session: UUID) -> int:
    """The account's other live sessions, without those of API keys."""
    return int(await tx.sql.fetchval(COUNT_OTHERS, account_id, current_session, clock.now()))


async def has_session(tx: Transaction, account_id: UUID, session_id: UUID) -> bool:
    """Whether the session belongs to the account and has not ended."""
    return bool(await tx.sql.fetchval(HAS_SESSION, session_id, account_id))


async def find_by_refresh_token(tx: Transaction, token_hash: bytes) -> asyncpg.Record | None:
    """`id` and `account_id` of the token's session."""
    return await tx.sql.fetchrow(FIND_REFRESHED, token_hash)
