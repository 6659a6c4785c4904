"""The SQL of API keys and of the sessions of their access tokens."""

from datetime import datetime
from uuid import UUID

import asyncpg

from auth.api_keys.domain import ApiKeyFields
from auth.clients import Client
from common import clock
from common.ids import new_id
from common.persistence.search import contains
from common.persistence.transaction import Transaction
from common.web.listing import Sorting
from common.web.pagination import PageRequest

SORTING = Sorting(
    {"created_at": "id", "name": "name", "last_used_at": "last_used_at", "expires_at": "expires_at"},
    nullable=("last_used_at", "expires_at"),
)
FILTERED = f"""
FROM api_key
WHERE ($1::uuid IS NULL OR account_id = $1) AND ($2::text IS NULL OR {contains(["name", "public_id"], "$2")})
"""
LIST = f"SELECT * {FILTERED} ORDER BY {{}} OFFSET $3 LIMIT $4"
COUNT = f"SELECT count(*) {FILTERED}"
FIND = "SELECT * FROM api_key WHERE id = $1 AND ($2::uuid IS NULL OR account_id = $2)"
OWNER = "SELECT account_id FROM api_key WHERE id = $1"
LOCK = f"{FIND} FOR UPDATE"
FIND_BY_PUBLIC_ID = "SELECT * FROM api_key WHERE public_id = $1"
LOCK_BY_PUBLIC_ID = f"{FIND_BY_PUBLIC_ID} FOR UPDATE"
COUNT_IN_USE = """
SELECT count(*) FROM api_key WHERE account_id = $1 AND revoked_at IS NULL AND coalesce(expires_at, 'infinity') > $2
"""
INSERT = """
INSERT INTO api_key
    (id, public_id, account_id, name, hash, scopes, ip_allow, daily_limit, expires_at, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
RETURNING *
"""
ROTATE = """
UPDATE api_key SET hash = $2, retired_hash = CASE WHEN $3::timestamptz IS NULL THEN NULL ELSE hash END,
    retired_until = $3
WHERE id = $1 RETURNING *
"""
REVOKE = """
UPDATE api_key SET revoked_at = $2, retired_hash = NULL, retired_until = NULL WHERE id = $1 RETURNING *
"""
SAVE_USE = "UPDATE api_key SET session_id = $2, last_used_at = $3, spent_on = $4, spent = $5 WHERE id = $1"
EXTEND_SESSION = """
UPDATE session SET seen_at = $2, address = $3, access_expires_at = greatest(access_expires_at, $4)
WHERE id = $1 AND ended_at IS NULL AND expires_at >= $4 RETURNING id
"""
INSERT_SESSION = """
INSERT INTO session
    (id, account_id, device_name, address, user_agent, created_at, seen_at, expires_at, access_expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $6, $7, $8)
"""


async def list_api_keys(
    tx: Transaction, owner_id: UUID | None, search: str | None, ordering: str, page: PageRequest
) -> tuple[list[asyncpg.Record], int]:
    """One page, and the total; without an owner, the keys of all accounts."""
    total = await tx.sql.fetchval(COUNT, owner_id, search)
    statement = LIST.format(SORTING.order_by(ordering))
    return await tx.sql.fetch(statement, owner_id, search, page.offset, page.limit), total


async def find(tx: Transaction, key_id: UUID, owner_id: UUID | None) -> asyncpg.Record | None:
    """None if there is no such key, or it is not the owner's."""
    return await tx.sql.fetchrow(FIND, key_id, owner_id)


async def find_owner(tx: Transaction, key_id: UUID) -> UUID | None:
    owner_id: UUID | None = await tx.sql.fetchval(OWNER, key_id)
    return owner_id


async def lock(tx: Transaction, key_id: UUID, owner_id: UUID | None) -> asyncpg.Record | None:
    return await tx.sql.fetchrow(LOCK, key_id, owner_id)


async def find_by_public_id(tx: Transaction, public_id: str) -> asyncpg.Record | None:
    return await tx.sql.fetchrow(FIND_BY_PUBLIC_ID, public_id)


async def lock_by_public_id(tx: Transaction, public_id: str) -> asyncpg.Record | None:
    return await tx.sql.fetchrow(LOCK_BY_PUBLIC_ID, public_id)


async def count_in_use(tx: Transaction, account_id: UUID) -> int:
    return int(await tx.sql.fetchval(COUNT_IN_USE, account_id, clock.now()))


async def insert(
    tx: Transaction, account_id: UUID, public_id: str, key_hash: bytes, fields: ApiKeyFields
) -> asyncpg.Record:
    return await tx.sql.fetchrow(
        INSERT,
        new_id(),
        public_id,
        account_id,
        fields.name,
        key_hash,
        fields.scopes,
        fields.ip_allow,
        fields.daily_limit,
        fields.expires_at,
        clock.now(),
    )


async def rotate(tx: Transaction, key_id: UUID, key_hash: bytes, retired_until: datetime | None) -> asyncpg.Record:
    """Without `retired_until`, the former secret ends at once."""
    return await tx.sql.fetchrow(ROTATE, key_id, key_hash, retired_until)


async def revoke(tx: Transaction, key_id: UUID) -> asyncpg.Record:
    return await tx.sql.fetchrow(REVOKE, key_id, clock.now())


async def save_use(tx: Transaction, key_id: UUID, session_id: UUID, spent: int) -> None:
    now = clock.now()
    await tx.sql.execute(SAVE_USE, key_id, session_id, now, now.date(), spent)


async def extend_session(tx: Transaction, session_id: UUID, client: Client, access_expires_at: datetime) -> bool:
    """False if the session has ended, or would before its access token."""
    extended = await tx.sql.fetchval(EXTEND_SESSION, session_id, clock.now(), client.address, access_expires_at)
    return extended is not None


async def insert_session(
    tx: Transaction, key: asyncpg.Record, client: Client, expires_at: datetime, access_expires_at: datetime
) -> UUID:
    """A session for the access tokens of the key."""
    session_id = new_id()
    await tx.sql.execute(
        INSERT_SESSION,
        session_id,
        key["account_id"],
        f"API key {key['name']}",
        client.address,
        client.user_agent,
        clock.now(),
        expires_at,
        access_expires_at,
    )
    return session_id
