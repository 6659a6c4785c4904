"""Who wants to hear of the start."""

from uuid import UUID

import asyncpg

from common.persistence.transaction import Transaction

PRE_REGISTRATIONS = """
SELECT id, email, first_name, last_name, created_at FROM pre_registration ORDER BY id DESC OFFSET $1 LIMIT $2
"""
PRE_REGISTRATIONS_AFTER = """
SELECT id, email, first_name, last_name, created_at FROM pre_registration
WHERE $1::uuid IS NULL OR id > $1 ORDER BY id LIMIT 1000
"""


async def list_pre_registrations(tx: Transaction, offset: int, limit: int) -> tuple[list[asyncpg.Record], int]:
    """One page, newest first, and how many there are on all."""
    total = await tx.sql.fetchval("SELECT count(*) FROM pre_registration")
    return await tx.sql.fetch(PRE_REGISTRATIONS, offset, limit), total


async def pre_registrations_after(tx: Transaction, after: UUID | None) -> list[asyncpg.Record]:
    """The next thousand, oldest first."""
    rows: list[asyncpg.Record] = await tx.sql.fetch(PRE_REGISTRATIONS_AFTER, after)
    return rows
