"""SQL of the daily counters."""

from collections.abc import Iterable
from datetime import date
from uuid import UUID

from common.persistence.rows import columns
from common.persistence.transaction import Transaction

# Concurrent charges wait for each other at the row; one that would exceed the limit updates nothing.
CHARGE = """
INSERT INTO quota_usage (user_id, day, used) SELECT $1::uuid, $2::date, 1 WHERE $3::int > 0
ON CONFLICT (user_id, day) DO UPDATE SET used = quota_usage.used + 1 WHERE quota_usage.used < $3
RETURNING used
"""

ADD = """
INSERT INTO quota_usage (user_id, day, used) VALUES ($1, $2, $3)
ON CONFLICT (user_id, day) DO UPDATE SET used = quota_usage.used + excluded.used
"""

SUBTRACT = """
UPDATE quota_usage SET used = greatest(used - refund.messages, 0)
FROM unnest($1::uuid[], $2::date[], $3::int[]) AS refund (user_id, day, messages)
WHERE (quota_usage.user_id, quota_usage.day) = (refund.user_id, refund.day)
"""


async def charge_one(tx: Transaction, account: UUID, day: date, limit: int) -> bool:
    """Add one message unless the counter has reached the limit; whether it was added."""
    return await tx.sql.fetchval(CHARGE, account, day, limit) is not None


async def add_usage(tx: Transaction, account: UUID, day: date, messages: int) -> None:
    await tx.sql.execute(ADD, account, day, messages)


async def subtract_usage(tx: Transaction, refunds: Iterable[tuple[UUID, date, int]]) -> None:
    """`refunds` are (account, day, messages)."""
    await tx.sql.execute(SUBTRACT, *columns(refunds))
