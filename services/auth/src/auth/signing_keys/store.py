"""The SQL of signing keys."""

from datetime import datetime

import asyncpg

from auth.signing_keys.domain import RETIRED_PERIOD, KeyPair, KeyState
from common import clock
from common.persistence.transaction import Transaction

LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('auth.signing-keys', 0))"
ACTIVE = "SELECT kid, sealed_private, activated_at FROM signing_key WHERE state = 'active'"
NEXT_CREATED_AT = "SELECT created_at FROM signing_key WHERE state = 'next'"
RETIRE = "UPDATE signing_key SET state = 'retired', retired_at = $1 WHERE state = 'active'"
ACTIVATE = "UPDATE signing_key SET state = 'active', activated_at = $1 WHERE state = 'next'"
DELETE_RETIRED = "DELETE FROM signing_key WHERE state = 'retired' AND retired_at < $1"
DELETE_ALL = "DELETE FROM signing_key RETURNING kid"
INSERT = """
INSERT INTO signing_key (kid, public_key, sealed_private, state, created_at, activated_at)
VALUES ($1, $2, $3, $4, $5, $6)
"""
PUBLISHED = """
SELECT kid, public_key FROM signing_key WHERE state <> 'retired' OR retired_at >= $1 ORDER BY created_at DESC, kid
"""
LIST = "SELECT kid, state, created_at, activated_at, retired_at FROM signing_key ORDER BY created_at DESC, kid"


async def lock(tx: Transaction) -> None:
    """Rotations run one after another."""
    await tx.sql.execute(LOCK)


async def find_active(tx: Transaction) -> asyncpg.Record | None:
    """`kid`, `sealed_private`, `activated_at`."""
    return await tx.sql.fetchrow(ACTIVE)


async def next_created_at(tx: Transaction) -> datetime:
    created_at: datetime = await tx.sql.fetchval(NEXT_CREATED_AT)
    return created_at


async def advance(tx: Transaction, now: datetime) -> None:
    """active → retired, next → active; deletes keys that were retired long enough."""
    await tx.sql.execute(RETIRE, now)
    await tx.sql.execute(ACTIVATE, now)
    await tx.sql.execute(DELETE_RETIRED, now - RETIRED_PERIOD)


async def delete_all(tx: Transaction) -> list[str]:
    """The ids of the deleted keys."""
    return [row["kid"] for row in await tx.sql.fetch(DELETE_ALL)]


async def insert(tx: Transaction, key: KeyPair, sealed: bytes, state: KeyState, now: datetime) -> None:
    activated_at = now if state == "active" else None
    await tx.sql.execute(INSERT, key.kid, key.public, sealed, state, now, activated_at)


async def published_keys(tx: Transaction) -> list[asyncpg.Record]:
    """`kid` and `public_key` of all keys whose tokens may be valid now or soon."""
    rows: list[asyncpg.Record] = await tx.sql.fetch(PUBLISHED, clock.now() - RETIRED_PERIOD)
    return rows


async def list_keys(tx: Transaction) -> list[asyncpg.Record]:
    """Every stored key, the newest first, without its private part."""
    rows: list[asyncpg.Record] = await tx.sql.fetch(LIST)
    return rows
