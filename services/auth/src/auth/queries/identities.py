"""Identities at other issuers, as their owner sees them."""

from uuid import UUID

import asyncpg

from common.persistence.transaction import Transaction

OF_ACCOUNT = """
SELECT id, provider, email, created_at, last_used_at FROM identity WHERE account_id = $1 ORDER BY id LIMIT $2
"""
OF_ID = "SELECT id, provider, email, created_at, last_used_at FROM identity WHERE id = $1"
MOST_LISTED = 100


async def identities_of(tx: Transaction, account_id: UUID) -> list[asyncpg.Record]:
    """Rows of `id`, `provider`, `email`, `created_at`, `last_used_at`; the first linked first, at most 100."""
    rows: list[asyncpg.Record] = await tx.sql.fetch(OF_ACCOUNT, account_id, MOST_LISTED)
    return rows


async def find_identity(tx: Transaction, identity_id: UUID) -> asyncpg.Record:
    """The row of one that was just linked."""
    return await tx.sql.fetchrow(OF_ID, identity_id)
