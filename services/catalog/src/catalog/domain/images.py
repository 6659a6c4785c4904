"""The sizes in which every image is kept, and where they are found."""

from uuid import UUID

VARIANTS = {"thumb": 200, "medium": 600, "large": 1200}
"""Name → the longest side in pixels; a smaller picture keeps its size."""

MOST_PER_PRODUCT = 20


def variant_paths(media_id: UUID) -> dict[str, str]:
    """Variant → path below the API's base."""
    return {name: f"/api/v1/media/{media_id}/{name}" for name in VARIANTS}
