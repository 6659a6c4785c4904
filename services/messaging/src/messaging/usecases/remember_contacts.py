"""Keep the replica of people's phones, time zones and daily limits, newest state only."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from common.persistence.transaction import Transaction

LOCK_SPACE = 0x6D736763
"""First key of the advisory locks per user; the second is a hash of the user's id."""

LOCK = """
SELECT pg_advisory_xact_lock($2, key)
FROM (SELECT DISTINCT hashtext(user_id::text) AS key FROM unnest($1::uuid[]) user_id) AS keys ORDER BY key
"""

LOCK_SHARED = LOCK.replace("xact_lock", "xact_lock_shared")

UPSERT = """
INSERT INTO contact (user_id, phone, time_zone, sequence, max_messages_per_day)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[], $5::int[])
ON CONFLICT (user_id) DO UPDATE
SET phone = excluded.phone, time_zone = excluded.time_zone, sequence = excluded.sequence,
    max_messages_per_day = excluded.max_messages_per_day
WHERE contact.sequence < excluded.sequence AND contact.erased_at IS NULL
"""

PHONES = "SELECT user_id, phone FROM contact WHERE user_id = ANY($1::uuid[])"


@dataclass(frozen=True, slots=True)
class Contact:
    """A person as auth stated it in its event number `sequence`. `phone` is E.164, or None when there is none;
    without `max_messages_per_day` the shop's limit holds."""

    user_id: UUID
    phone: str | None
    time_zone: str
    sequence: int
    max_messages_per_day: int | None = None


async def remember_contacts(tx: Transaction, contacts: Sequence[Contact]) -> None:
    """Take over the newest state of each person. Nobody who looks with `phones_of` misses it."""
    newest = {contact.user_id: contact for contact in sorted(contacts, key=lambda contact: contact.sequence)}
    rows = [(c.user_id, c.phone, c.time_zone, c.sequence, c.max_messages_per_day) for c in newest.values()]
    await lock_contacts(tx, newest)
    await tx.sql.execute(UPSERT, *(list(column) for column in zip(*rows, strict=True)))


async def lock_contacts(tx: Transaction, user_ids: Collection[UUID]) -> None:
    """Nobody else changes what is known of these people until this commits."""
    await tx.sql.execute(LOCK, list(user_ids), LOCK_SPACE)


async def phones_of(tx: Transaction, user_ids: Collection[UUID]) -> dict[UUID, str | None]:
    """The phone, or None, of each person that is known; nobody else can become known before this commits."""
    known = await _known(tx, user_ids)
    unknown = [user_id for user_id in user_ids if user_id not in known]
    if unknown:
        await tx.sql.execute(LOCK_SHARED, unknown, LOCK_SPACE)
        known |= await _known(tx, unknown)
    return known


async def _known(tx: Transaction, user_ids: Collection[UUID]) -> dict[UUID, str | None]:
    return {row["user_id"]: row["phone"] for row in await tx.sql.fetch(PHONES, list(user_ids))}
