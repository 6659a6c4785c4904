"""What became of uploads."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import asyncpg

from catalog.domain.images import VARIANTS, Visibility, variant_paths
from common.security.media_urls import MediaUrls

SHAPE = "id, owner_id, product_id, visibility, is_avatar, state, reason, content_type, width, height, created_at"
FIND = f"SELECT {SHAPE} FROM media WHERE id = $1"  # noqa: S608 (the columns are ours)
OWN = f"""
SELECT {SHAPE}, count(*) OVER () AS total FROM media WHERE owner_id = $1 AND product_id IS NULL
ORDER BY id DESC OFFSET $2 LIMIT $3
"""  # noqa: S608 (the columns are ours)
HOW_MANY = "SELECT count(*) FROM media WHERE owner_id = $1 AND product_id IS NULL"

Media = dict[str, Any]


async def find_media(sql: asyncpg.Connection, media_id: UUID, media_urls: MediaUrls) -> Media | None:
    """The upload with the URLs of its variants, which are empty until it is ready."""
    row = await sql.fetchrow(FIND, media_id)
    return _shown(row, media_urls) if row is not None else None


async def own_media(
    sql: asyncpg.Connection, owner_id: UUID, media_urls: MediaUrls, offset: int, limit: int
) -> tuple[list[Media], int]:
    """One page of what a person keeps, newest first, and how many there are on all."""
    rows = await sql.fetch(OWN, owner_id, offset, limit)
    total = rows[0]["total"] if rows else await sql.fetchval(HOW_MANY, owner_id)
    return [_shown(row, media_urls) for row in rows], total


def _shown(row: Mapping[str, Any], media_urls: MediaUrls) -> Media:
    variants = _variants(row["id"], row["visibility"], media_urls) if row["state"] == "ready" else {}
    return dict(row) | {"url": variants.get("large"), "variants": variants}


def _variants(media_id: UUID, visibility: Visibility, media_urls: MediaUrls) -> dict[str, str]:
    if visibility == "public":
        return variant_paths(media_id)
    return {name: media_urls.signed(media_id, name) for name in VARIANTS}
