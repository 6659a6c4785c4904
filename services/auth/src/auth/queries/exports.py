"""Exports of a person's own data, and their parts."""

import json
from uuid import UUID

import asyncpg

from auth.domain.exports import Export
from common.persistence.transaction import Transaction

LATEST = """
SELECT export.*, (
    SELECT coalesce(json_object_agg(service, parts), '{}')::text FROM (
        SELECT service, max(parts) AS parts FROM export_part WHERE export_id = export.id
        GROUP BY service HAVING count(*) = max(parts)) AS answered) AS answered
FROM export WHERE account_id = $1 ORDER BY id DESC LIMIT 1
"""
PART = "SELECT sealed FROM export_part WHERE export_id = $1 AND service = $2 AND part = $3"


async def latest_export(tx: Transaction, account_id: UUID) -> Export | None:
    row = await tx.sql.fetchrow(LATEST, account_id)
    return _export(row) if row else None


async def sealed_part(tx: Transaction, export_id: UUID, service: str, part: int) -> bytes | None:
    """None when the export has ended meanwhile."""
    sealed: bytes | None = await tx.sql.fetchval(PART, export_id, service, part)
    return sealed


def _export(row: asyncpg.Record) -> Export:
    return Export(
        id=row["id"],
        account_id=row["account_id"],
        state=row["state"],
        services=tuple(row["services"]),
        parts=json.loads(row["answered"]),
        sealed_private=row["sealed_private"],
        created_at=row["created_at"],
        ready_at=row["ready_at"],
    )
