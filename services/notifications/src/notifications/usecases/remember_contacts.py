"""Keep the replica of how people are reached, and let go the mails that waited for it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from common import clock
from common.persistence.transaction import Transaction

CONTACT_LOCK = 0x636F6E74
"""First key of the advisory locks per user; the second is a hash of the user's id."""

LOCK = """
SELECT pg_advisory_xact_lock($2, key)
FROM (SELECT DISTINCT hashtext(user_id::text) AS key FROM unnest($1::uuid[]) user_id) AS keys ORDER BY key
"""

# Roles travel joined, because unnest would flatten an array of arrays.
UPSERT = """
INSERT INTO contact (user_id, email, first_name, last_name, language, roles, sequence)
SELECT user_id, email, first_name, last_name, language, string_to_array(roles, ' '), sequence
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[])
     AS fresh (user_id, email, first_name, last_name, language, roles, sequence)
ON CONFLICT (user_id) DO UPDATE SET email = excluded.email, first_name = excluded.first_name,
    last_name = excluded.last_name, language = excluded.language, roles = excluded.roles, sequence = excluded.sequence
WHERE contact.sequence < excluded.sequence AND contact.erased_at IS NULL
"""

RELEASE = """
UPDATE email SET state = 'queued', next_attempt_at = $2 WHERE state = 'waiting_contact' AND user_id = ANY($1::uuid[])
"""


@dataclass(frozen=True, slots=True)
class Contact:
    """A person as auth stated it in its event number `sequence`."""

    user_id: UUID
    email: str
    first_name: str
    last_name: str
    language: str
    roles: Sequence[str]
    sequence: int


async def remember_contacts(tx: Transaction, contacts: Sequence[Contact]) -> None:
    """Take over the newest state of each person; what is older than the known state is ignored."""
    newest: dict[UUID, Contact] = {}
    for contact in sorted(contacts, key=lambda contact: contact.sequence):
        newest[contact.user_id] = contact
    rows = [
        (c.user_id, c.email, c.first_name, c.last_name, c.language, " ".join(c.roles), c.sequence)
        for c in newest.values()
    ]
    await lock_contacts(tx, newest)
    await tx.sql.execute(UPSERT, *(list(column) for column in zip(*rows, strict=True)))
    await tx.sql.execute(RELEASE, list(newest), clock.now())


async def lock_contacts(tx: Transaction, user_ids: Collection[UUID]) -> None:
    """Nobody else changes what is known of these people until this commits."""
    await tx.sql.execute(LOCK, list(user_ids), CONTACT_LOCK)
