"""Daily quotas: a counter per user and day, moved in the transaction that queues or fails a message."""

from collections import Counter
from collections.abc import Iterable
from datetime import date
from uuid import UUID

from common import clock
from common.errors import RateLimited
from common.persistence.transaction import Transaction
from messaging.domain.days import day_of, until_next_day

OWN = "SELECT time_zone, max_messages_per_day FROM contact WHERE user_id = $1"

# Concurrent charges wait for each other at the row; whoever would exceed the limit updates nothing.
CHARGE = """
INSERT INTO quota_usage (user_id, day, used) SELECT $1::uuid, $2::date, 1 WHERE $3::int > 0
ON CONFLICT (user_id, day) DO UPDATE SET used = quota_usage.used + 1 WHERE quota_usage.used < $3
RETURNING used
"""

COUNT = """
INSERT INTO quota_usage (user_id, day, used) VALUES ($1, $2, $3)
ON CONFLICT (user_id, day) DO UPDATE SET used = quota_usage.used + excluded.used
"""

GIVE_BACK = """
UPDATE quota_usage SET used = greatest(used - back.messages, 0)
FROM unnest($1::uuid[], $2::date[], $3::int[]) AS back (user_id, day, messages)
WHERE (quota_usage.user_id, quota_usage.day) = (back.user_id, back.day)
"""


async def charge_quota(tx: Transaction, user_id: UUID, limit: int) -> date:
    """Count one message for the user's own day, which is returned. Raises RateLimited until midnight when spent.

    `limit` holds for everybody who has none of their own.
    """
    now = clock.now()
    zone, own_limit = await tx.sql.fetchrow(OWN, user_id) or ("UTC", None)
    limit = limit if own_limit is None else own_limit
    day = day_of(now, zone)
    if await tx.sql.fetchval(CHARGE, user_id, day, limit) is None:
        raise RateLimited(
            until_next_day(now, zone).total_seconds(),
            f"Only {limit} messages may be sent per day",
            code="messaging.quota_exceeded",
        )
    return day


async def count_messages(tx: Transaction, account: UUID, day: date, messages: int) -> None:
    """Count messages that no quota stops."""
    await tx.sql.execute(COUNT, account, day, messages)


async def give_back(tx: Transaction, charges: Iterable[tuple[UUID, date]]) -> None:
    """Uncount messages that were never sent, by the (account, day) that each was charged to."""
    counted = sorted(Counter(charges).items())
    if counted:
        accounts, days = zip(*(charge for charge, _ in counted), strict=True)
        await tx.sql.execute(GIVE_BACK, list(accounts), list(days), [messages for _, messages in counted])
