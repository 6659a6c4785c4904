"""Of who was erased only a tombstone stays: notifications and letters go, those that wait to be sent as well."""

from collections.abc import Sequence
from uuid import UUID

from common import clock
from common.persistence.transaction import Transaction
from notifications.usecases.remember_contacts import lock_contacts

BURY = """
INSERT INTO contact (user_id, email, first_name, last_name, language, roles, sequence, erased_at)
SELECT DISTINCT unnest($1::uuid[]), '', '', '', 'en', '{}'::text[], 0, $2::timestamptz
ON CONFLICT (user_id) DO UPDATE SET email = '', first_name = '', last_name = '', language = 'en', roles = '{}',
    erased_at = coalesce(contact.erased_at, $2)
"""
FORGET = [
    f"DELETE FROM {table} WHERE user_id = ANY($1::uuid[])"  # noqa: S608 (the names are ours)
    for table in ("notification", "email", "idempotency")
]


async def erase_people(tx: Transaction, user_ids: Sequence[UUID]) -> None:
    """Whoever announces something has to be kept out meanwhile, or do this as well afterwards."""
    await lock_contacts(tx, user_ids)
    await tx.sql.execute(BURY, user_ids, clock.now())
    for statement in FORGET:
        await tx.sql.execute(statement, user_ids)
