"""SQL of exports and their parts, and of the data that auth itself stores about a person."""

import json
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from auth.data_export.domain import Export
from common.persistence.rows import row_count
from common.persistence.transaction import Transaction

LATEST = """
SELECT export.*, (
    SELECT coalesce(json_object_agg(service, parts), '{}')::text FROM (
        SELECT service, max(parts) AS parts FROM export_part WHERE export_id = export.id
        GROUP BY service HAVING count(*) = max(parts)) AS answered) AS answered
FROM export WHERE account_id = $1 ORDER BY id DESC LIMIT 1
"""
PART = "SELECT sealed FROM export_part WHERE export_id = $1 AND service = $2 AND part = $3"
IS_RUNNING = "SELECT EXISTS (SELECT FROM export WHERE account_id = $1 AND state = 'gathering')"
RECENT = "SELECT created_at FROM export WHERE account_id = $1 AND created_at > $2 ORDER BY created_at"
END_PREVIOUS = "UPDATE export SET state = 'ended', sealed_private = NULL WHERE account_id = $1 AND state <> 'ended'"
DELETE_PREVIOUS_PARTS = "DELETE FROM export_part USING export WHERE export_id = export.id AND account_id = $1"
INSERT = """
INSERT INTO export (id, account_id, services, sealed_private, created_at, due_at) VALUES ($1, $2, $3, $4, $5, $6)
"""
LOCK_AWAITING = """
SELECT true FROM export WHERE id = $1 AND account_id = $2 AND $3 = ANY(services) AND state = 'gathering' FOR UPDATE
"""
INSERT_PART = """
INSERT INTO export_part (export_id, service, part, parts, sealed) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING
"""
FINISH_IF_COMPLETE = """
UPDATE export SET state = 'ready', ready_at = $2
WHERE id = $1 AND cardinality(services) = (
    SELECT count(*) FROM (SELECT FROM export_part WHERE export_id = $1
                          GROUP BY service HAVING count(*) = max(parts)) AS answered)
"""
FAIL_DUE = "UPDATE export SET state = 'failed' WHERE state = 'gathering' AND due_at <= $1"
END_OLD = "UPDATE export SET state = 'ended', sealed_private = NULL WHERE state <> 'ended' AND created_at < $1"
DELETE_ENDED_PARTS = "DELETE FROM export_part USING export WHERE export_id = export.id AND state = 'ended'"
DELETE_OLD = "DELETE FROM export WHERE created_at < $1"

EXPORT_QUERIES = {
    "account": """
SELECT id, email, username, role, first_name, last_name, phone, whatsapp_number, birth_date, address, city, pincode,
       language, time_zone, is_active, email_confirmed, max_messages_per_day, created_at, updated_at
FROM account WHERE id = $1
""",
    "sessions": """
SELECT id, device_id, device_name, address, user_agent, created_at, seen_at, expires_at, ended_at, end_reason
FROM session WHERE account_id = $1 ORDER BY created_at DESC
""",
    "devices": """
SELECT id, name, address, user_agent, first_seen_at, seen_at FROM device WHERE account_id = $1 ORDER BY seen_at DESC
""",
    "api_keys": """
SELECT id, public_id, name, scopes, ip_allow, daily_limit, created_at, expires_at, last_used_at, revoked_at
FROM api_key WHERE account_id = $1 ORDER BY id DESC
""",
    "second_factor": "SELECT 'totp' AS kind, created_at, confirmed_at FROM totp WHERE account_id = $1",
    "passkeys": """
SELECT id, name, transports, is_synced, created_at, last_used_at FROM passkey WHERE account_id = $1 ORDER BY id DESC
""",
    "identities": """
SELECT id, provider, issuer, subject, email, created_at, last_used_at
FROM identity WHERE account_id = $1 ORDER BY id DESC
""",
    "letters": """
SELECT purpose, address, created_at, expires_at, verified_at, used_at
FROM one_time_code WHERE account_id = $1 ORDER BY created_at DESC
""",
    "pre_registration": """
SELECT pre_registration.email, pre_registration.first_name, pre_registration.last_name, pre_registration.created_at
FROM pre_registration JOIN account ON account.email = pre_registration.email WHERE account.id = $1
""",
    "audit": """
SELECT at, action, outcome, address, user_agent, request_id, detail FROM audit WHERE account_id = $1 ORDER BY id DESC
""",
    "exports": "SELECT id, created_at FROM export WHERE account_id = $1 ORDER BY id DESC",
}
"""What auth stores about a person, by kind, without secrets that only serve to authenticate."""


async def latest_export(tx: Transaction, account_id: UUID) -> Export | None:
    row = await tx.sql.fetchrow(LATEST, account_id)
    return _export(row) if row else None


async def sealed_part(tx: Transaction, export_id: UUID, service: str, part: int) -> bytes | None:
    """None if the export has ended in the meantime."""
    sealed: bytes | None = await tx.sql.fetchval(PART, export_id, service, part)
    return sealed


async def is_export_running(tx: Transaction, account_id: UUID) -> bool:
    return bool(await tx.sql.fetchval(IS_RUNNING, account_id))


async def exports_since(tx: Transaction, account_id: UUID, since: datetime) -> list[datetime]:
    """When they were started, oldest first."""
    return [row["created_at"] for row in await tx.sql.fetch(RECENT, account_id, since)]


async def replace_export(
    tx: Transaction,
    account_id: UUID,
    *,
    export_id: UUID,
    services: Sequence[str],
    sealed_private: bytes,
    created_at: datetime,
    due_at: datetime,
) -> None:
    """A new export; earlier ones end and their parts are deleted."""
    await tx.sql.execute(END_PREVIOUS, account_id)
    await tx.sql.execute(DELETE_PREVIOUS_PARTS, account_id)
    await tx.sql.execute(INSERT, export_id, account_id, services, sealed_private, created_at, due_at)


async def lock_awaiting_export(tx: Transaction, export_id: UUID, account_id: UUID, service: str) -> bool:
    """Whether the export still waits for the service."""
    return bool(await tx.sql.fetchval(LOCK_AWAITING, export_id, account_id, service))


async def insert_part(tx: Transaction, export_id: UUID, service: str, *, part: int, parts: int, sealed: bytes) -> None:
    """Does nothing for a part that is stored already."""
    await tx.sql.execute(INSERT_PART, export_id, service, part, parts, sealed)


async def finish_if_complete(tx: Transaction, export_id: UUID, now: datetime) -> None:
    await tx.sql.execute(FINISH_IF_COMPLETE, export_id, now)


async def expire_exports(
    tx: Transaction, now: datetime, *, unreadable_before: datetime, delete_before: datetime
) -> int:
    """Fail overdue exports, delete old content, then old records; returns how many rows changed."""
    statuses = (
        await tx.sql.execute(FAIL_DUE, now),
        await tx.sql.execute(END_OLD, unreadable_before),
        await tx.sql.execute(DELETE_ENDED_PARTS),
        await tx.sql.execute(DELETE_OLD, delete_before),
    )
    return sum(row_count(status) for status in statuses)


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
