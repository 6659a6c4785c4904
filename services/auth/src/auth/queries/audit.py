"""The audit log."""

from dataclasses import astuple, dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from common.persistence.transaction import Transaction

AUDIT = """
SELECT * FROM audit
WHERE ($1::uuid IS NULL OR account_id = $1) AND ($2::text IS NULL OR action = $2) AND ($3::text IS NULL OR outcome = $3)
  AND ($4::timestamptz IS NULL OR at >= $4) AND ($5::timestamptz IS NULL OR at < $5) AND id < $6
ORDER BY id DESC LIMIT $7
"""
LAST_ENTRY = 2**63 - 1


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """`since` is inclusive, `until` is not."""

    account_id: UUID | None = None
    action: str | None = None
    outcome: str | None = None
    since: datetime | None = None
    until: datetime | None = None


async def audit_entries(tx: Transaction, chosen: AuditFilter, before: int | None, limit: int) -> list[asyncpg.Record]:
    """Newest first, those older than the entry `before`."""
    rows: list[asyncpg.Record] = await tx.sql.fetch(AUDIT, *astuple(chosen), before or LAST_ENTRY, limit)
    return rows
