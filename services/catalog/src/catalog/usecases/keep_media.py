"""People keep pictures of their own, within bounds, and take them away again."""

from dataclasses import dataclass
from uuid import UUID

from catalog.domain.images import Visibility
from catalog.usecases.add_image import Upload
from catalog.usecases.discard_media import Discarded, discard_media, lock_owner
from common.contracts.catalog import AvatarChanged
from common.errors import Conflict, NotFound
from common.persistence.transaction import Transaction

KEPT = """
SELECT count(*) AS files, coalesce(sum(size_bytes), 0) AS bytes
FROM media WHERE owner_id = $1 AND product_id IS NULL AND NOT is_avatar
"""
ADD = """
INSERT INTO media (id, owner_id, visibility, is_avatar, content_type, size_bytes, sha256)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
FIND = "SELECT owner_id, product_id FROM media WHERE id = $1"
STATE = "SELECT state FROM media WHERE id = $1 AND is_avatar"


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one person may keep beside the avatar: pictures, and bytes of their originals."""

    files: int
    total_bytes: int


async def keep_media(tx: Transaction, upload: Upload, owner_id: UUID, visibility: Visibility, bounds: Bounds) -> None:
    """Raises Conflict when the person keeps too much already."""
    await lock_owner(tx, owner_id)
    kept = await tx.sql.fetchrow(KEPT, owner_id)
    if kept["files"] >= bounds.files:
        raise Conflict(f"You may keep at most {bounds.files} pictures", code="too_many_media", field="file")
    if kept["bytes"] + upload.size > bounds.total_bytes:
        raise Conflict(f"You may keep at most {bounds.total_bytes} bytes", code="media_too_large", field="file")
    await record(tx, upload, owner_id, visibility)


async def record(
    tx: Transaction, upload: Upload, owner_id: UUID, visibility: Visibility, *, is_avatar: bool = False
) -> None:
    """The upload waits for its variants."""
    content = (upload.content_type, upload.size, upload.sha256)
    await tx.sql.execute(ADD, upload.media_id, owner_id, visibility, is_avatar, *content)


async def take_away(tx: Transaction, media_id: UUID, caller_id: UUID, *, manages: bool) -> Discarded:
    """`manages` reaches everybody's. Publishes AvatarChanged of an avatar that was shown.

    Raises NotFound for what is somebody else's, Conflict for a product's image.
    """
    found = await tx.sql.fetchrow(FIND, media_id)
    if found is None or not (manages or (found["owner_id"] == caller_id and found["product_id"] is None)):
        raise NotFound("There is no such image")
    if found["product_id"] is not None:
        raise Conflict("It is an image of a product: remove it there", code="product_image")
    await lock_owner(tx, found["owner_id"])
    state = await tx.sql.fetchval(STATE, media_id)
    gone = await discard_media(tx, [media_id])
    if not gone:
        raise NotFound("There is no such image")
    if state == "ready":
        tx.publish(AvatarChanged(user_id=found["owner_id"], media_id=None))
    return gone
