"""Sessions, and the devices they belong to."""

from uuid import UUID

import asyncpg

from common import clock
from common.persistence.transaction import Transaction

REVOKED = "SELECT id, access_expires_at FROM session WHERE ended_at IS NOT NULL AND access_expires_at > $1"
LIVE = """
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
OTHERS = """
SELECT count(*) FROM session
WHERE account_id = $1 AND id <> $2 AND ended_at IS NULL AND expires_at > $3
      AND NOT EXISTS (SELECT FROM api_key WHERE session_id = session.id)
"""
MOST_LISTED = 100


async def revoked_sessions(tx: Transaction) -> list[asyncpg.Record]:
    """Ended sessions with access tokens that have not expired: rows of `id`, `access_expires_at`."""
    rows: list[asyncpg.Record] = await tx.sql.fetch(REVOKED, clock.now())
    return rows


async def is_live(tx: Transaction, session_id: UUID) -> bool:
    return bool(await tx.sql.fetchval(LIVE, session_id, clock.now()))


async def devices_of(tx: Transaction, account_id: UUID, current: UUID) -> list[asyncpg.Record]:
    """Rows as DeviceView shows them; `current` is the caller's session."""
    rows: list[asyncpg.Record] = await tx.sql.fetch(DEVICES, account_id, current, clock.now(), MOST_LISTED)
    return rows


async def sessions_of(tx: Transaction, account_id: UUID) -> list[asyncpg.Record]:
    """Rows as SessionView shows them, but for `is_current`."""
    rows: list[asyncpg.Record] = await tx.sql.fetch(SESSIONS, account_id, clock.now(), MOST_LISTED)
    return rows


async def count_others(tx: Transaction, account_id: UUID, current: UUID) -> int:
    """Where else one is signed in; sessions of API keys do not count."""
    return int(await tx.sql.fetchval(OTHERS, account_id, current, clock.now()))


async def has_session(tx: Transaction, account_id: UUID, session_id: UUID) -> bool:
    """Whether it is the account's, and has not ended."""
    return bool(await tx.sql.fetchval(HAS_SESSION, session_id, account_id))
