"""Imports as tasks: queue, claim, advance, finish, list, delete."""
# ruff: noqa: S608 (only constants of this module are put in)

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from common.persistence.rows import row_count
from common.persistence.search import contains
from common.persistence.transaction import Transaction
from common.web.listing import Sorting
from common.web.pagination import PageRequest

SHAPE = """
id, owner_id, status, file_name, options, columns, mapping, note, done, total, created, updated, unchanged, failed,
error_code, error_message, attempts, created_at, started_at, finished_at
"""
UNFINISHED = "('PENDING', 'STARTED', 'RETRY')"

LOCK_OWNER = "SELECT pg_advisory_xact_lock(hashtextextended('imports of ' || $1::uuid::text, 0))"
COUNT_UNFINISHED = f"SELECT count(*) FROM product_import WHERE owner_id = $1 AND status IN {UNFINISHED}"
INSERT = """
INSERT INTO product_import (id, owner_id, file_name, size_bytes, options, mapping, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
INSERT_CHUNK = "INSERT INTO product_import_chunk (import_id, number, content) VALUES ($1, $2, $3)"

LOCK_CLAIMS = "SELECT pg_advisory_xact_lock(hashtextextended('product_import.claim', 0))"
CLAIM = f"""
UPDATE product_import SET status = 'STARTED', attempts = attempts + 1, claimed_until = $1::timestamptz + $2,
    started_at = coalesce(started_at, $1), note = 'reading the file'
WHERE id = (
    SELECT id FROM product_import next
    WHERE status IN {UNFINISHED} AND (claimed_until IS NULL OR claimed_until <= $1)
        AND NOT EXISTS (SELECT FROM product_import running
                        WHERE running.owner_id = next.owner_id AND running.id <> next.id
                            AND running.status = 'STARTED' AND running.claimed_until > $1)
    ORDER BY created_at, id LIMIT 1)
RETURNING id, owner_id, options, done, attempts
"""
CHUNK = "SELECT content FROM product_import_chunk WHERE import_id = $1 AND number = $2"
HELD = "WHERE id = $1 AND attempts = $2 AND status = 'STARTED'"
SURVEYED = f"""
UPDATE product_import SET columns = $3, mapping = $4, total = $5, note = 'importing',
    claimed_until = $6::timestamptz + $7
{HELD} RETURNING id
"""
ADVANCE = f"""
UPDATE product_import SET done = done + $3, created = created + $4, updated = updated + $5,
    unchanged = unchanged + $6, failed = failed + $7, claimed_until = $8::timestamptz + $9
{HELD} RETURNING id
"""
RELEASE = f"UPDATE product_import SET status = 'RETRY', note = $3, claimed_until = $4 {HELD}"
FINISH = f"""
UPDATE product_import SET status = $3, error_code = $4, error_message = $5, note = NULL, claimed_until = NULL,
    finished_at = $6
{HELD}
"""
REVOKE = f"""
UPDATE product_import SET status = 'REVOKED', note = NULL, claimed_until = NULL, finished_at = $2
WHERE id = $1 AND status IN {UNFINISHED} RETURNING id
"""
DELETE_CHUNKS = "DELETE FROM product_import_chunk WHERE import_id = $1"
DELETE_OLD = """
DELETE FROM product_import
WHERE id IN (SELECT id FROM product_import WHERE finished_at < $1 ORDER BY finished_at LIMIT $2)
"""
FIND = f"SELECT {SHAPE} FROM product_import WHERE id = $1"
SORTING = Sorting(
    {"created_at": "id", "finished_at": "finished_at", "file_name": "file_name"}, nullable=("finished_at", "file_name")
)
SEARCHED = ("file_name", "status", "note", "error_code", "error_message")
LIST = f"""
SELECT {SHAPE}, count(*) OVER () AS total_count FROM product_import
WHERE $3::text IS NULL OR {contains(SEARCHED, "$3")} ORDER BY {{}} OFFSET $1 LIMIT $2
"""
COUNT = f"SELECT count(*) FROM product_import WHERE $1::text IS NULL OR {contains(SEARCHED, '$1')}"

REMOVE_OWNER = "UPDATE product_import SET owner_id = NULL WHERE owner_id = $1"
"""The imports stay as part of the shop's books, without the person."""


class Claim(NamedTuple):
    """An import that this process runs. `done` rows are in already."""

    import_id: UUID
    owner_id: UUID | None
    options: Mapping[str, Any]
    done: int
    attempts: int


class Surveyed(NamedTuple):
    """What reading the whole file has shown."""

    columns: Sequence[str]
    mapping: Mapping[str, str]
    total: int


class Advance(NamedTuple):
    """What a batch adds to the counts."""

    created: int
    updated: int
    unchanged: int
    failed: int


async def lock_owner(tx: Transaction, owner_id: UUID) -> None:
    """One change of a person's imports at a time."""
    await tx.sql.execute(LOCK_OWNER, owner_id)


async def count_unfinished(tx: Transaction, owner_id: UUID) -> int:
    count: int = await tx.sql.fetchval(COUNT_UNFINISHED, owner_id)
    return count


async def insert_import(
    tx: Transaction,
    *,
    import_id: UUID,
    owner_id: UUID,
    file_name: str | None,
    size: int,
    options: Mapping[str, Any],
    mapping: Mapping[str, str],
    now: datetime,
) -> None:
    values = (orjson.dumps(dict(options)).decode(), orjson.dumps(dict(mapping)).decode())
    await tx.sql.execute(INSERT, import_id, owner_id, file_name, size, *values, now)


async def insert_chunk(tx: Transaction, import_id: UUID, number: int, content: bytes) -> None:
    await tx.sql.execute(INSERT_CHUNK, import_id, number, content)


async def claim_next(tx: Transaction, now: datetime, lease: timedelta) -> Claim | None:
    """The oldest import that nobody runs; one at a time of a person."""
    await tx.sql.execute(LOCK_CLAIMS)
    row = await tx.sql.fetchrow(CLAIM, now, lease)
    if row is None:
        return None
    owner = row["owner_id"]
    # asyncpg's UUID is a subclass of its own.
    owner_id = UUID(bytes=owner.bytes) if owner else None
    return Claim(UUID(bytes=row["id"].bytes), owner_id, row["options"], row["done"], row["attempts"])


async def chunks(tx: Transaction, import_id: UUID) -> AsyncIterator[bytes]:
    """The file, part by part."""
    number = 0
    while (content := await tx.sql.fetchval(CHUNK, import_id, number)) is not None:
        yield content
        number += 1


async def set_survey(tx: Transaction, claim: Claim, found: Surveyed, now: datetime, lease: timedelta) -> bool:
    """Whether this attempt still holds the import."""
    values = (orjson.dumps(list(found.columns)).decode(), orjson.dumps(dict(found.mapping)).decode(), found.total)
    held = await tx.sql.fetchval(SURVEYED, claim.import_id, claim.attempts, *values, now, lease)
    return held is not None


async def advance(tx: Transaction, claim: Claim, by: Advance, now: datetime, lease: timedelta) -> bool:
    """Whether this attempt still holds the import."""
    held = await tx.sql.fetchval(ADVANCE, claim.import_id, claim.attempts, sum(by), *by, now, lease)
    return held is not None


async def release(tx: Transaction, claim: Claim, note: str, not_before: datetime | None) -> None:
    """Leave the rest to another attempt."""
    await tx.sql.execute(RELEASE, claim.import_id, claim.attempts, note, not_before)


async def finish(tx: Transaction, claim: Claim, status: str, error: tuple[str, str] | None, now: datetime) -> None:
    await tx.sql.execute(FINISH, claim.import_id, claim.attempts, status, *(error or (None, None)), now)
    await tx.sql.execute(DELETE_CHUNKS, claim.import_id)


async def revoke(tx: Transaction, import_id: UUID, now: datetime) -> bool:
    """Whether the import was unfinished."""
    revoked = await tx.sql.fetchval(REVOKE, import_id, now) is not None
    if revoked:
        await tx.sql.execute(DELETE_CHUNKS, import_id)
    return revoked


async def delete_finished(tx: Transaction, before: datetime, limit: int) -> int:
    """Delete imports with their reports. How many were deleted."""
    return row_count(await tx.sql.execute(DELETE_OLD, before, limit))


async def find_import(tx: Transaction, import_id: UUID) -> Mapping[str, Any] | None:
    row: Mapping[str, Any] | None = await tx.sql.fetchrow(FIND, import_id)
    return row


async def list_imports(
    tx: Transaction, search: str | None, ordering: str, page: PageRequest
) -> tuple[list[Mapping[str, Any]], int]:
    """A page, and the total."""
    rows = await tx.sql.fetch(LIST.format(SORTING.order_by(ordering)), page.offset, page.limit, search)
    return rows, rows[0]["total_count"] if rows else await tx.sql.fetchval(COUNT, search)


async def remove_owner(tx: Transaction, owner_id: UUID) -> None:
    await tx.sql.execute(REMOVE_OWNER, owner_id)
