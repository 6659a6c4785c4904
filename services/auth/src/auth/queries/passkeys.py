"""Passkeys, as their owner sees them."""

from uuid import UUID

import asyncpg

from common.persistence.transaction import Transaction

PASSKEYS = """
SELECT id, name, transports, is_synced, created_at, last_used_at FROM passkey WHERE account_id = $1 ORDER BY id
"""


async def passkeys_of(tx: Transaction, account_id: UUID) -> list[asyncpg.Record]:
    """Rows as PasskeyView shows them, the oldest first; no more than an account may have."""
    rows: list[asyncpg.Record] = await tx.sql.fetch(PASSKEYS, account_id)
    return rows
