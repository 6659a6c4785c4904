"""Inspects and renders images with Pillow. Slow: call it in a worker thread."""

import struct
import warnings
from dataclasses import dataclass
from io import BytesIO
from typing import BinaryIO

from PIL import Image, ImageOps

from catalog.media.domain import VARIANTS

CONTENT_TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
QUALITY = 82

# What Pillow raises for malformed files.
MALFORMED = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    IndexError,
    EOFError,
    struct.error,
    Image.DecompressionBombError,
)


class UnusableImageError(Exception):
    """The file is not an image that can be rendered; the message is for the person who uploaded it."""


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """What the header of the file says; nothing is decoded yet."""

    content_type: str
    pixels: int


@dataclass(frozen=True, slots=True)
class RenderedImage:
    """The full size of the upright picture, and its variants as WebP without metadata."""

    width: int
    height: int
    variants: dict[str, bytes]


def inspect_image(content: BinaryIO) -> ImageInfo:
    """Raises UnusableImageError if it is not a JPEG, PNG or WebP."""
    try:
        with _open(content) as picture:
            return ImageInfo(CONTENT_TYPES[picture.format or ""], picture.width * picture.height)
    except Image.DecompressionBombError as bomb:
        raise UnusableImageError("the picture has too many pixels") from bomb
    except MALFORMED as error:
        raise UnusableImageError("the file is no JPEG, PNG or WebP picture") from error


def render_variants(content: BinaryIO) -> RenderedImage:
    """All variants, upright. Raises UnusableImageError if the picture cannot be decoded."""
    try:
        with _open(content) as source:
            width, height = source.size
            # A JPEG can be decoded at a fraction of its size, which is enough for the largest variant.
            source.draft(None, (max(VARIANTS.values()),) * 2)
            decoded_size = source.size
            upright = ImageOps.exif_transpose(source)
            is_rotated = upright.size != decoded_size
            picture = upright.convert("RGBA" if upright.has_transparency_data else "RGB")
    except MALFORMED as error:
        raise UnusableImageError("the picture is damaged") from error
    return RenderedImage(*((height, width) if is_rotated else (width, height)), _variants(picture))


def _variants(picture: Image.Image) -> dict[str, bytes]:
    variants = {}
    for name, side in sorted(VARIANTS.items(), key=lambda variant: -variant[1]):
        picture.thumbnail((side, side), Image.Resampling.LANCZOS)
        variants[name] = _webp(picture)
    return variants


def _webp(picture: Image.Image) -> bytes:
    # Without the metadata of the original: camera, location, colour profile.
    picture.info.clear()
    target = BytesIO()
    picture.save(target, "WEBP", quality=QUALITY, method=4)
    return target.getvalue()


def _open(content: BinaryIO) -> Image.Image:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        return Image.open(content, formats=tuple(CONTENT_TYPES))
