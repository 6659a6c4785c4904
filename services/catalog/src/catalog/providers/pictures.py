"""Pictures by Pillow: looking at what was uploaded and making what is shown. Slow: call it in a worker thread."""

import struct
import warnings
from dataclasses import dataclass
from io import BytesIO
from typing import BinaryIO

from PIL import Image, ImageOps

from catalog.domain.images import VARIANTS

CONTENT_TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
QUALITY = 82

# What Pillow raises on files that lie about themselves.
BROKEN = (OSError, SyntaxError, ValueError, TypeError, IndexError, EOFError, struct.error, Image.DecompressionBombError)


class UnusablePictureError(Exception):
    """The file is no picture that can be shown; the message is for whoever uploaded it."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a file says it is, by its content; nothing is decoded yet."""

    content_type: str
    pixels: int


@dataclass(frozen=True, slots=True)
class Rendered:
    """The upright picture's full size, and its variants as WebP without metadata."""

    width: int
    height: int
    variants: dict[str, bytes]


def look_at(content: BinaryIO) -> Look:
    """Raises UnusablePictureError when it is no JPEG, PNG or WebP."""
    try:
        with _opened(content) as picture:
            return Look(CONTENT_TYPES[picture.format or ""], picture.width * picture.height)
    except Image.DecompressionBombError as bomb:
        raise UnusablePictureError("the picture has too many pixels") from bomb
    except BROKEN as error:
        raise UnusablePictureError("the file is no JPEG, PNG or WebP picture") from error


def render(content: BinaryIO) -> Rendered:
    """All variants, upright. Raises UnusablePictureError when the picture cannot be decoded."""
    try:
        with _opened(content) as opened:
            width, height = opened.size
            # A JPEG can be decoded at a fraction of its size, which is all that is needed.
            opened.draft(None, (max(VARIANTS.values()),) * 2)
            decoded = opened.size
            upright = ImageOps.exif_transpose(opened)
            turned = upright.size != decoded
            picture = upright.convert("RGBA" if upright.has_transparency_data else "RGB")
    except BROKEN as error:
        raise UnusablePictureError("the picture is damaged") from error
    return Rendered(*((height, width) if turned else (width, height)), _variants(picture))


def _variants(picture: Image.Image) -> dict[str, bytes]:
    made = {}
    for name, side in sorted(VARIANTS.items(), key=lambda variant: -variant[1]):
        picture.thumbnail((side, side), Image.Resampling.LANCZOS)
        made[name] = _webp(picture)
    return made


def _webp(picture: Image.Image) -> bytes:
    # Camera, place and colour profile of the original stay with the original.
    picture.info.clear()
    target = BytesIO()
    picture.save(target, "WEBP", quality=QUALITY, method=4)
    return target.getvalue()


def _opened(content: BinaryIO) -> Image.Image:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        return Image.open(content, formats=tuple(CONTENT_TYPES))
