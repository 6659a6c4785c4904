"""Check an uploaded image and write its original to disk, before it is recorded in the database."""

import asyncio
from hashlib import sha256
from io import SEEK_END
from typing import BinaryIO

from catalog.errors import ImageFileTooLarge, ImageTooLarge, UnsupportedImage
from catalog.media.domain import ImageLimits, Upload
from catalog.media.providers.files import MediaFiles
from catalog.media.providers.pillow import TooManyPixelsError, UnusableImageError, inspect_image
from common.ids import new_id


async def store_upload(files: MediaFiles, content: BinaryIO, limits: ImageLimits) -> Upload:
    """The stored original. If the upload is never recorded, only its file is left.

    Raises ImageFileTooLarge, UnsupportedImage or ImageTooLarge.
    """
    return await asyncio.to_thread(_store, files, content, limits)


def _store(files: MediaFiles, content: BinaryIO, limits: ImageLimits) -> Upload:
    if (size := content.seek(0, SEEK_END)) > limits.max_bytes:
        raise ImageFileTooLarge(f"An image has at most {limits.max_bytes} bytes")
    content.seek(0)
    original = content.read()
    too_large = ImageTooLarge(f"An image has at most {limits.max_pixels} pixels")
    try:
        image = inspect_image(original)
    except TooManyPixelsError as error:
        raise too_large from error
    except UnusableImageError as error:
        raise UnsupportedImage(f"Not accepted: {error}") from error
    if image.pixels > limits.max_pixels:
        raise too_large
    upload = Upload(new_id(), image.content_type, size, sha256(original).digest())
    files.write_original(upload.media_id, original)
    return upload
