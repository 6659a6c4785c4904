"""What became of an upload."""

from typing import Any
from uuid import UUID

import asyncpg

from catalog.domain.images import variant_paths

SHAPE = "SELECT id, state, reason, content_type, width, height FROM media WHERE id = $1"


async def find_media(sql: asyncpg.Connection, media_id: UUID) -> dict[str, Any] | None:
    """The upload with the paths of its variants, which are empty until it is ready."""
    row = await sql.fetchrow(SHAPE, media_id)
    if row is None:
        return None
    variants = variant_paths(media_id) if row["state"] == "ready" else {}
    return dict(row) | {"url": variants.get("large"), "variants": variants}
