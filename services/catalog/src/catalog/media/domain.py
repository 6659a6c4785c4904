"""Images: their variants, and the limits of uploads."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

VARIANTS = {"thumb": 200, "medium": 600, "large": 1200}
"""Name → the longest side in pixels; a smaller picture keeps its size."""

MAX_IMAGES_PER_PRODUCT = 20

Variant = Literal["thumb", "medium", "large"]

Visibility = Literal["public", "private"]
"""Public images can be loaded by id, private ones only by a signed URL."""


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """Of one image: the bytes of the file, and the pixels, which bound the memory of decoding."""

    max_bytes: int
    max_pixels: int


@dataclass(frozen=True, slots=True)
class MediaQuota:
    """Of one person, without the avatar: how many pictures, and the bytes of their originals."""

    max_files: int
    max_bytes: int


@dataclass(frozen=True, slots=True)
class Upload:
    """A file whose original is on disk under its new id."""

    media_id: UUID
    content_type: str
    size: int
    sha256: bytes


def variant_paths(media_id: UUID) -> dict[str, str]:
    """Variant → path below the API's base; unsigned, so for public images only."""
    return {name: f"/api/v1/media/{media_id}/{name}" for name in VARIANTS}
