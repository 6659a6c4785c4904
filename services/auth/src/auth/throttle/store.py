"""SQL of counted failures."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from auth.throttle.domain import Failures
from common.persistence.rows import row_count
from common.persistence.transaction import Transaction

BLOCKED_UNTIL = "SELECT max(blocked_until) FROM throttle WHERE key = ANY($1)"
CREATE = "INSERT INTO throttle (key) SELECT * FROM unnest($1::bytea[]) ORDER BY 1 ON CONFLICT DO NOTHING"
LOCK = "SELECT key, failures, last_at, blocked_until FROM throttle WHERE key = ANY($1) ORDER BY key FOR UPDATE"
UPDATE = "UPDATE throttle SET failures = $2, last_at = $3, blocked_until = $4 WHERE key = $1"
DELETE = "DELETE FROM throttle WHERE key = ANY($1)"
DELETE_BEFORE = "DELETE FROM throttle WHERE coalesce(greatest(last_at, blocked_until), '-infinity') < $1"


async def blocked_until(tx: Transaction, keys: Sequence[bytes]) -> datetime | None:
    until: datetime | None = await tx.sql.fetchval(BLOCKED_UNTIL, keys)
    return until


async def create_keys(tx: Transaction, keys: Sequence[bytes]) -> None:
    await tx.sql.execute(CREATE, keys)


async def lock_failures(tx: Transaction, keys: Sequence[bytes]) -> dict[bytes, Failures]:
    rows = await tx.sql.fetch(LOCK, keys)
    return {row["key"]: Failures(row["failures"], row["last_at"], row["blocked_until"]) for row in rows}


async def save_failures(tx: Transaction, by_key: Mapping[bytes, Failures]) -> None:
    for key, failures in by_key.items():
        await tx.sql.execute(UPDATE, key, failures.count, failures.last_at, failures.blocked_until)


async def delete_keys(tx: Transaction, keys: Sequence[bytes]) -> None:
    await tx.sql.execute(DELETE, keys)


async def delete_keys_before(tx: Transaction, before: datetime) -> int:
    return row_count(await tx.sql.execute(DELETE_BEFORE, before))
