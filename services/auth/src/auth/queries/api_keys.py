"""API keys, without their secrets."""

from uuid import UUID

import asyncpg

from common.persistence.transaction import Transaction

API_KEYS = "SELECT * FROM api_key WHERE $1::uuid IS NULL OR account_id = $1 ORDER BY id DESC OFFSET $2 LIMIT $3"
API_KEYS_TOTAL = "SELECT count(*) FROM api_key WHERE $1::uuid IS NULL OR account_id = $1"
API_KEY = "SELECT * FROM api_key WHERE id = $1 AND ($2::uuid IS NULL OR account_id = $2)"


async def list_api_keys(
    tx: Transaction, owner_id: UUID | None, offset: int, limit: int
) -> tuple[list[asyncpg.Record], int]:
    """One page, the newest first, and how many there are on all; everybody's without an owner."""
    total = await tx.sql.fetchval(API_KEYS_TOTAL, owner_id)
    return await tx.sql.fetch(API_KEYS, owner_id, offset, limit), total


async def find_api_key(tx: Transaction, key_id: UUID, owner_id: UUID | None) -> asyncpg.Record | None:
    """None when there is no such key, or when it is not the owner's."""
    return await tx.sql.fetchrow(API_KEY, key_id, owner_id)
