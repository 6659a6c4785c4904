"""SQL of contacts."""

from collections.abc import Collection, Iterable
from uuid import UUID

from common.persistence.rows import columns
from common.persistence.transaction import Transaction
from notifications.contacts.domain import Contact

LOCK_SPACE = 0x636F6E74
"""First key of the advisory locks per user; the second is a hash of the user's id."""

LOCK = """
SELECT pg_advisory_xact_lock($2, key)
FROM (SELECT DISTINCT hashtext(user_id::text) AS key FROM unnest($1::uuid[]) user_id) AS keys ORDER BY key
"""

LOCK_SHARED = LOCK.replace("xact_lock", "xact_lock_shared")

# Roles are joined into one text, because unnest would flatten an array of arrays.
UPSERT = """
INSERT INTO contact (user_id, email, first_name, last_name, language, roles, sequence)
SELECT user_id, email, first_name, last_name, language, string_to_array(roles, ' '), sequence
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[])
     AS stated (user_id, email, first_name, last_name, language, roles, sequence)
ON CONFLICT (user_id) DO UPDATE SET email = excluded.email, first_name = excluded.first_name,
    last_name = excluded.last_name, language = excluded.language, roles = excluded.roles, sequence = excluded.sequence
WHERE contact.sequence < excluded.sequence AND contact.erased_at IS NULL
"""

KNOWN = "SELECT user_id FROM contact WHERE user_id = ANY($1::uuid[])"
ERASED = "SELECT user_id FROM contact WHERE user_id = ANY($1::uuid[]) AND erased_at IS NOT NULL"


async def lock_contacts(tx: Transaction, user_ids: Collection[UUID]) -> None:
    """Block other writers of these contacts, and readers with `lock_contacts_shared`, until the transaction ends."""
    await tx.sql.execute(LOCK, list(user_ids), LOCK_SPACE)


async def lock_contacts_shared(tx: Transaction, user_ids: Collection[UUID]) -> None:
    """Block writers of these contacts until the transaction ends."""
    await tx.sql.execute(LOCK_SHARED, list(user_ids), LOCK_SPACE)


async def upsert_contacts(tx: Transaction, contacts: Iterable[Contact]) -> None:
    """At most one per person. A state that is older than the stored one, or of an erased person, is ignored."""
    rows = [
        (c.user_id, c.email, c.first_name, c.last_name, c.language, " ".join(c.roles), c.sequence) for c in contacts
    ]
    await tx.sql.execute(UPSERT, *columns(rows))


async def known_people(tx: Transaction, user_ids: Collection[UUID]) -> set[UUID]:
    """Those of the people who have a contact."""
    return {row["user_id"] for row in await tx.sql.fetch(KNOWN, list(user_ids))}


async def erased_people(tx: Transaction, user_ids: Collection[UUID]) -> set[UUID]:
    """Those of the people who were erased."""
    return {row["user_id"] for row in await tx.sql.fetch(ERASED, list(user_ids))}
