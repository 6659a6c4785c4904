"""SQL of the audit log."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from common.persistence.rows import row_count
from common.persistence.search import contains
from common.persistence.transaction import Transaction

INSERT = """
INSERT INTO audit (at, action, outcome, account_id, actor_id, session_id, address, user_agent, request_id, detail)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::jsonb)
"""
FOUND = contains(["action", "outcome", "host(address)", "user_agent"], "$6")
LIST = f"""
SELECT * FROM audit
WHERE ($1::uuid IS NULL OR account_id = $1) AND ($2::text IS NULL OR action = $2) AND ($3::text IS NULL OR outcome = $3)
  AND ($4::timestamptz IS NULL OR at >= $4) AND ($5::timestamptz IS NULL OR at < $5)
  AND ($6::text IS NULL OR {FOUND}) AND id < $7
ORDER BY id DESC LIMIT $8
"""  # noqa: S608 (constants of this module)
DELETE_BEFORE = "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at < $1 LIMIT 5000)"
MAX_ID = 2**63 - 1


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """`since` is inclusive, `until` exclusive."""

    account_id: UUID | None = None
    action: str | None = None
    outcome: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    search: str | None = None


async def insert_entry(tx: Transaction, values: Sequence[object]) -> None:
    await tx.sql.execute(INSERT, *values)


async def list_entries(tx: Transaction, filters: AuditFilter, before: int | None, limit: int) -> list[asyncpg.Record]:
    """Newest first, with ids below `before`."""
    rows: list[asyncpg.Record] = await tx.sql.fetch(LIST, *astuple(filters), before or MAX_ID, limit)
    return rows


async def delete_entries_before(tx: Transaction, before: datetime) -> int:
    """One batch; returns how many were deleted."""
    return row_count(await tx.sql.execute(DELETE_BEFORE, before))
