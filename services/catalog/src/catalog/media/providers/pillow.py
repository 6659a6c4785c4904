"""Inspects and renders images with Pillow. Slow: call it in a worker thread."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import NamedTuple

from PIL import ExifTags, Image

from catalog.media.domain import VARIANTS
from catalog.media.providers import png
from catalog.media.providers.colours import reduce_samples, to_srgb

log = logging.getLogger(__name__)

# An MPO is a JPEG with further pictures behind it, such as the second view of a stereo camera.
CONTENT_TYPES = {"JPEG": "image/jpeg", "MPO": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
FORMATS = ("JPEG", "PNG", "WEBP")
QUALITY = 82
LARGEST = (max(VARIANTS.values()),) * 2
MAX_SCANS = 500
"""Of a progressive JPEG. Each decodes the whole picture again, 0.1 s for 40 megapixels; usual files have ten."""

START_OF_SCAN = b"\xff\xda"
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF orientation → what makes the picture upright; from 5 on, width and height are exchanged."""

# The limit of pixels is ours, and smaller.
warnings.simplefilter("ignore", Image.DecompressionBombWarning)


class UnusableImageError(Exception):
    """The file is not an image that can be rendered; the message is for the person who uploaded it."""


class TooManyPixelsError(UnusableImageError):
    """More than Pillow opens at all."""


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


class _Opened(NamedTuple):
    picture: Image.Image
    profile: bytes | None


def inspect_image(content: bytes) -> ImageInfo:
    """Raises UnusableImageError if it is not a JPEG, PNG or WebP."""
    if content.startswith(b"\xff\xd8") and content.count(START_OF_SCAN) > MAX_SCANS:
        raise UnusableImageError("the picture has too many scans")
    with _errors_of("the file is no JPEG, PNG or WebP picture"):
        picture = _open(content).picture
        return ImageInfo(CONTENT_TYPES[picture.format or ""], picture.width * picture.height)


def render_variants(content: bytes) -> RenderedImage:
    """All variants of the first frame, upright and in sRGB. Raises UnusableImageError if it cannot be decoded."""
    with _errors_of("the picture is damaged"):
        source, profile = _open(content)
        width, height = source.size
        raw_mode = _raw_mode(source)
        # A JPEG can be decoded at a fraction of its size, which is enough for the largest variant.
        source.draft(None, LARGEST)
        source.load()
        picture = reduce_samples(source, raw_mode)
        picture.thumbnail(LARGEST, Image.Resampling.LANCZOS)
        if (orientation := _orientation(source)) > 1:
            picture = picture.transpose(UPRIGHT[orientation])
        picture = to_srgb(picture, profile)
    return RenderedImage(*((height, width) if orientation >= 5 else (width, height)), _variants(picture))


@contextmanager
def _errors_of(reason: str) -> Iterator[None]:
    """Pillow's decoders raise what their code happens to raise: OSError, SyntaxError, struct.error, KeyError, and more.

    The file is in memory, so that none of them is an error of the disk.
    """
    try:
        yield
    except Image.DecompressionBombError as error:
        raise TooManyPixelsError("the picture has too many pixels") from error
    except MemoryError as error:
        raise UnusableImageError("the picture needs too much memory") from error
    except Exception as error:
        log.info("%s: %s: %s", reason, type(error).__name__, error)
        raise UnusableImageError(reason) from error


def _open(content: bytes) -> _Opened:
    if content.startswith(png.SIGNATURE):
        content, profile = png.still(content)
        return _Opened(Image.open(BytesIO(content), formats=FORMATS), profile)
    picture = Image.open(BytesIO(content), formats=FORMATS)
    return _Opened(picture, picture.info.get("icc_profile"))


def _raw_mode(picture: Image.Image) -> str:
    """How the file stores its samples; empty where that is not in Pillow's list of tiles."""
    tiles = getattr(picture, "tile", None)
    return str(tiles[0].args) if tiles else ""


def _orientation(picture: Image.Image) -> int:
    """The EXIF orientation, 1 to 8; 1 if the metadata are damaged."""
    try:
        orientation = picture.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # as in _errors_of; the picture itself may be undamaged
        return 1
    return orientation if orientation in UPRIGHT else 1


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
