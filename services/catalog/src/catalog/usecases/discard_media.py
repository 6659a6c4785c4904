"""Images go in two steps: the row in a transaction, the files after it, by whoever did it or else by a job."""

from collections.abc import Sequence
from uuid import UUID

from catalog.domain.images import Visibility
from common.persistence.transaction import Transaction

BATCH = 500

LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('media of ' || $1::uuid::text, 0))"
DISCARD = """
WITH gone AS (DELETE FROM media WHERE id = ANY($1) RETURNING id, visibility)
INSERT INTO discarded_media (media_id, visibility) SELECT id, visibility FROM gone RETURNING media_id, visibility
"""
DISCARDED = "SELECT media_id, visibility FROM discarded_media ORDER BY at LIMIT $1"
FORGET = "DELETE FROM discarded_media WHERE media_id = ANY($1)"

Discarded = dict[UUID, Visibility]


async def lock_owner(tx: Transaction, owner_id: UUID) -> None:
    """One change at a time of what a person keeps; taken before any row of it."""
    await tx.sql.execute(LOCK, owner_id)


async def discard_media(tx: Transaction, media_ids: Sequence[UUID]) -> Discarded:
    """Those of them that were there."""
    return dict(await tx.sql.fetch(DISCARD, media_ids))


async def discarded(tx: Transaction) -> Discarded:
    """What has been gone for longest."""
    return dict(await tx.sql.fetch(DISCARDED, BATCH))


async def forget_discarded(tx: Transaction, media: Discarded) -> None:
    """Their files are removed."""
    await tx.sql.execute(FORGET, list(media))
