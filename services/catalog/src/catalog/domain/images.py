"""The sizes in which every image is kept, and where they are found."""

from typing import Literal
from uuid import UUID

VARIANTS = {"thumb": 200, "medium": 600, "large": 1200}
"""Name → the longest side in pixels; a smaller picture keeps its size."""

MOST_PER_PRODUCT = 20

Variant = Literal["thumb", "medium", "large"]

Visibility = Literal["public", "private"]
"""Whether whoever knows the id may see it, or only by a URL that was signed."""


def variant_paths(media_id: UUID) -> dict[str, str]:
    """Variant → path below the API's base; without a signature, so for public images or for reference."""
    return {name: f"/api/v1/media/{media_id}/{name}" for name in VARIANTS}
