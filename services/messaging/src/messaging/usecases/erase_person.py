"""Of who was erased only a tombstone stays: messages go, those that wait to be sent as well."""

from collections.abc import Sequence
from uuid import UUID

from common import clock
from common.persistence.transaction import Transaction
from messaging.usecases.remember_contacts import lock_contacts

BURY = """
INSERT INTO contact (user_id, phone, time_zone, sequence, erased_at)
SELECT DISTINCT unnest($1::uuid[]), NULL, 'UTC', 0, $2::timestamptz
ON CONFLICT (user_id) DO UPDATE
SET phone = NULL, time_zone = 'UTC', max_messages_per_day = NULL, erased_at = coalesce(contact.erased_at, $2)
"""
# Reports of a message go with it, and those that come later find none.
FORGET = [
    f"DELETE FROM {table} WHERE user_id = ANY($1::uuid[])"  # noqa: S608 (the names are ours)
    for table in ("message", "waiting_confirmation", "quota_usage", "idempotency")
]


async def erase_people(tx: Transaction, user_ids: Sequence[UUID]) -> None:
    """Whoever queues messages has to be kept out meanwhile, or do this as well afterwards."""
    await lock_contacts(tx, user_ids)
    await tx.sql.execute(BURY, user_ids, clock.now())
    for statement in FORGET:
        await tx.sql.execute(statement, user_ids)
