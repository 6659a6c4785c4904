"""SQL of contacts."""

from collections.abc import Collection, Iterable
from uuid import UUID

from common.persistence.rows import columns
from common.persistence.transaction import Transaction
from messaging.contacts.domain import Contact

LOCK_SPACE = 0x6D736763
"""First key of the advisory locks per user; the second is a hash of the user's id."""

LOCK = """
SELECT pg_advisory_xact_lock($2, key)
FROM (SELECT DISTINCT hashtext(user_id::text) AS key FROM unnest($1::uuid[]) user_id) AS keys ORDER BY key
"""

LOCK_SHARED = LOCK.replace("xact_lock", "xact_lock_shared")

UPSERT = """
INSERT INTO contact (user_id, phone, whatsapp_number, time_zone, sequence, max_messages_per_day)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::int[])
ON CONFLICT (user_id) DO UPDATE
SET phone = excluded.phone, whatsapp_number = excluded.whatsapp_number, time_zone = excluded.time_zone,
    sequence = excluded.sequence, max_messages_per_day = excluded.max_messages_per_day
WHERE contact.sequence < excluded.sequence AND contact.erased_at IS NULL
"""

PHONES = "SELECT user_id, coalesce(whatsapp_number, phone) AS phone FROM contact WHERE user_id = ANY($1::uuid[])"

QUOTA_SETTINGS = "SELECT time_zone, max_messages_per_day FROM contact WHERE user_id = $1"


async def lock_contacts(tx: Transaction, user_ids: Collection[UUID]) -> None:
    """Block other writers of these contacts, and readers with `lock_contacts_shared`, until the transaction ends."""
    await tx.sql.execute(LOCK, list(user_ids), LOCK_SPACE)


async def lock_contacts_shared(tx: Transaction, user_ids: Collection[UUID]) -> None:
    """Block writers of these contacts until the transaction ends."""
    await tx.sql.execute(LOCK_SHARED, list(user_ids), LOCK_SPACE)


async def upsert_contacts(tx: Transaction, contacts: Iterable[Contact]) -> None:
    """At most one per person. A state that is older than the stored one, or of an erased person, is ignored."""
    rows = [(c.user_id, c.phone, c.whatsapp_number, c.time_zone, c.sequence, c.max_messages_per_day) for c in contacts]
    await tx.sql.execute(UPSERT, *columns(rows))


async def phones(tx: Transaction, user_ids: Collection[UUID]) -> dict[UUID, str | None]:
    """The WhatsApp number, else the phone, else None, of each person who has a contact."""
    return {row["user_id"]: row["phone"] for row in await tx.sql.fetch(PHONES, list(user_ids))}


async def quota_settings(tx: Transaction, user_id: UUID) -> tuple[str, int | None] | None:
    """The person's time zone and own daily limit."""
    row = await tx.sql.fetchrow(QUOTA_SETTINGS, user_id)
    return (row["time_zone"], row["max_messages_per_day"]) if row else None
