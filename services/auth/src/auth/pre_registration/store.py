"""SQL of pre-registrations."""

from datetime import datetime
from uuid import UUID

import asyncpg

from common.persistence.search import contains
from common.persistence.transaction import Transaction
from common.web.listing import Sorting
from common.web.pagination import PageRequest

INSERT = """
INSERT INTO pre_registration (id, email, first_name, last_name, created_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (email) DO NOTHING
"""
SORTING = Sorting({"created_at": "id", "email": "email", "last_name": "last_name"})
FILTERED = f"""
FROM pre_registration WHERE $1::text IS NULL OR {contains(["email", "first_name", "last_name"], "$1")}
"""
COUNT = f"SELECT count(*) {FILTERED}"
LIST = f"SELECT id, email, first_name, last_name, created_at {FILTERED} ORDER BY {{}} OFFSET $2 LIMIT $3"
LIST_AFTER = """
SELECT id, email, first_name, last_name, created_at FROM pre_registration
WHERE $1::uuid IS NULL OR id > $1 ORDER BY id LIMIT 1000
"""


async def insert_pre_registration(
    tx: Transaction, new_id: UUID, email: str, *, first_name: str, last_name: str, now: datetime
) -> None:
    """Does nothing if the address is registered."""
    await tx.sql.execute(INSERT, new_id, email, first_name, last_name, now)


async def list_pre_registrations(
    tx: Transaction, search: str | None, ordering: str, page: PageRequest
) -> tuple[list[asyncpg.Record], int]:
    """One page, and the total number."""
    total = await tx.sql.fetchval(COUNT, search)
    return await tx.sql.fetch(LIST.format(SORTING.order_by(ordering)), search, page.offset, page.limit), total


async def list_pre_registrations_after(tx: Transaction, after: UUID | None) -> list[asyncpg.Record]:
    """The next thousand, oldest first."""
    rows: list[asyncpg.Record] = await tx.sql.fetch(LIST_AFTER, after)
    return rows
