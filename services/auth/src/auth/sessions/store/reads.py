"""SQL that reads sessions and devices."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from common import clock
from common.persistence.search import contains
from common.persistence.transaction import Transaction
from common.web.listing import Sorting
from common.web.pagination import PageRequest

REVOKED = "SELECT id, access_expires_at FROM session WHERE ended_at IS NOT NULL AND access_expires_at > $1"
IS_LIVE = """
SELECT EXISTS (SELECT FROM session JOIN account ON account.id = account_id
               WHERE session.id = $1 AND ended_at IS NULL AND expires_at > $2 AND is_active)
"""
DEVICE_SORTING = Sorting(
    {"seen_at": "device.seen_at", "first_seen_at": "first_seen_at", "name": "name"}, tie="device.id"
)
FOUND_DEVICE = contains(["name", "host(device.address)", "device.user_agent"], "$4")
DEVICES = f"""
SELECT device.id, name, device.address, device.user_agent, first_seen_at, device.seen_at, count(session.id) AS sessions,
       coalesce(bool_or(session.id = $2), false) AS is_current, count(*) OVER () AS total
FROM device LEFT JOIN session ON device_id = device.id AND ended_at IS NULL AND expires_at > $3
WHERE device.account_id = $1 AND ($4::text IS NULL OR {FOUND_DEVICE})
GROUP BY device.id ORDER BY {{}} OFFSET $5 LIMIT $6
"""  # noqa: S608 (constants of this module)
SESSION_SORTING = Sorting(
    {"seen_at": "session.seen_at", "created_at": "created_at", "expires_at": "expires_at"}, tie="session.id"
)
FOUND_SESSION = contains(["coalesce(device.name, device_name)", "host(session.address)", "session.user_agent"], "$3")
SESSIONS = f"""
SELECT session.id, device_id, coalesce(device.name, device_name) AS device_name, session.address, session.user_agent,
       created_at, session.seen_at, expires_at, count(*) OVER () AS total
FROM session LEFT JOIN device ON device.id = device_id
WHERE session.account_id = $1 AND ended_at IS NULL AND expires_at > $2
  AND ($3::text IS NULL OR {FOUND_SESSION})
ORDER BY {{}} OFFSET $4 LIMIT $5
"""  # noqa: S608 (constants of this module)
HAS_SESSION = "SELECT EXISTS (SELECT FROM session WHERE id = $1 AND account_id = $2 AND ended_at IS NULL)"
COUNT_OTHERS = """
SELECT count(*) FROM session
WHERE account_id = $1 AND id <> $2 AND ended_at IS NULL AND expires_at > $3
      AND NOT EXISTS (SELECT FROM api_key WHERE session_id = session.id)
"""
FIND_REFRESHED = """
SELECT session.id, account_id FROM session JOIN refresh_token ON session_id = session.id WHERE hash = $1
"""


@dataclass(frozen=True, slots=True)
class Listed:
    """Which part of a list is wanted."""

    page: PageRequest
    ordering: str
    search: str | None = None


async def revoked_sessions(tx: Transaction) -> list[asyncpg.Record]:
    """Ended sessions whose access tokens have not expired: `id`, `access_expires_at`."""
    rows: list[asyncpg.Record] = await tx.sql.fetch(REVOKED, clock.now())
    return rows


async def is_live(tx: Transaction, session_id: UUID) -> bool:
    """False for an ended, expired or unknown session, and for that of a closed account."""
    return bool(await tx.sql.fetchval(IS_LIVE, session_id, clock.now()))


async def list_devices(
    tx: Transaction, account_id: UUID, current_session: UUID, listed: Listed
) -> tuple[list[asyncpg.Record], int]:
    """A page of rows as DeviceView shows them, and the number of all."""
    statement = DEVICES.format(DEVICE_SORTING.order_by(listed.ordering))
    arguments = (account_id, current_session, clock.now(), listed.search)
    return await _page(tx, statement, arguments, listed.page)


async def list_sessions(tx: Transaction, account_id: UUID, listed: Listed) -> tuple[list[asyncpg.Record], int]:
    """A page of rows as SessionView shows them, without `is_current`, and the number of all."""
    statement = SESSIONS.format(SESSION_SORTING.order_by(listed.ordering))
    return await _page(tx, statement, (account_id, clock.now(), listed.search), listed.page)


async def _page(
    tx: Transaction, statement: str, arguments: Sequence[object], page: PageRequest
) -> tuple[list[asyncpg.Record], int]:
    """The rows of the page, and the total, which a page behind the last row does not know: it is that of the first."""
    rows = await tx.sql.fetch(statement, *arguments, page.offset, page.limit)
    first = rows or (await tx.sql.fetch(statement, *arguments, 0, 1) if page.offset else [])
    return rows, first[0]["total"] if first else 0


async def count_other_sessions(tx: Transaction, account_id: UUID, current_session: UUID) -> int:
    """The account's other live sessions, without those of API keys."""
    return int(await tx.sql.fetchval(COUNT_OTHERS, account_id, current_session, clock.now()))


async def has_session(tx: Transaction, account_id: UUID, session_id: UUID) -> bool:
    """Whether the session belongs to the account and has not ended."""
    return bool(await tx.sql.fetchval(HAS_SESSION, session_id, account_id))


async def find_by_refresh_token(tx: Transaction, token_hash: bytes) -> asyncpg.Record | None:
    """`id` and `account_id` of the token's session."""
    return await tx.sql.fetchrow(FIND_REFRESHED, token_hash)
