"""Daily quotas: a counter per account and day, changed in the transaction that queues or fails a message."""

from collections import Counter
from collections.abc import Iterable
from datetime import date
from uuid import UUID

from common import clock
from common.persistence.transaction import Transaction
from messaging.contacts.usecases import quota_settings
from messaging.errors import QuotaExceeded
from messaging.quotas import store
from messaging.quotas.domain import PLATFORM_ACCOUNT, day_of, until_next_day


async def charge_quota(tx: Transaction, user_id: UUID, limit: int) -> date:
    """Charge one message to the user's current day, which is returned.

    `limit` applies to users without a limit of their own. Raises QuotaExceeded if the day's messages are used up.
    """
    now = clock.now()
    zone, own_limit = await quota_settings(tx, user_id)
    limit = limit if own_limit is None else own_limit
    day = day_of(now, zone)
    if not await store.charge_one(tx, user_id, day, limit):
        raise QuotaExceeded(until_next_day(now, zone).total_seconds(), f"Only {limit} messages may be sent per day")
    return day


async def charge_platform(tx: Transaction, day: date, messages: int) -> None:
    """Charge messages to the platform's own account, which has no limit."""
    await store.add_usage(tx, PLATFORM_ACCOUNT, day, messages)


async def refund_quota(tx: Transaction, charges: Iterable[tuple[UUID, date]]) -> None:
    """Refund messages that were never sent, by the (account, day) that each was charged to."""
    refunds = [(account, day, messages) for (account, day), messages in sorted(Counter(charges).items())]
    if refunds:
        await store.subtract_usage(tx, refunds)
