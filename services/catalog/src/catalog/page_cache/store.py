"""The record of transactions that changed what public pages show; triggers fill it."""

from datetime import datetime
from typing import NamedTuple

import asyncpg

from common.persistence.transaction import Transaction

# A transaction may begin before the snapshot and commit after it: it is then not visible in it, whatever its number.
CHANGES_SINCE = """
SELECT EXISTS (SELECT FROM public_change WHERE xid >= pg_snapshot_xmin($1::text::pg_snapshot)
               AND NOT pg_visible_in_snapshot(xid, $1::text::pg_snapshot)) AS has_changes,
       pg_current_snapshot()::text AS snapshot
"""
DELETE_CHANGES = """
WITH deleted AS (DELETE FROM public_change WHERE xid IN (SELECT xid FROM public_change WHERE at < $1 LIMIT 10000)
                 RETURNING 1)
SELECT count(*) FROM deleted
"""


class ChangeCheck(NamedTuple):
    """`snapshot` is the snapshot of the check itself: pass it to the next check."""

    has_changes: bool
    snapshot: str


async def changes_since(sql: asyncpg.Connection, snapshot: str | None) -> ChangeCheck:
    """Whether a transaction that `snapshot` does not see has committed a change; False without a snapshot.

    Exact, at the price of one index look-up. The snapshot must be younger than stored changes.
    """
    return ChangeCheck(*await sql.fetchrow(CHANGES_SINCE, snapshot))


async def delete_changes(tx: Transaction, before: datetime) -> int:
    """Delete at most 10,000 changes recorded before that time. How many were deleted."""
    return int(await tx.sql.fetchval(DELETE_CHANGES, before))
