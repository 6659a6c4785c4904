"""Check an uploaded picture and put its original on disk, before anything about it is in the database."""

import asyncio
from dataclasses import dataclass
from hashlib import sha256
from io import SEEK_END
from typing import BinaryIO

from catalog.errors import ImageFileTooLarge, ImageTooLarge, UnsupportedImage
from catalog.providers.media_files import MediaFiles
from catalog.providers.pictures import UnusablePictureError, look_at
from catalog.usecases.add_image import Upload
from common.ids import new_id

CHUNK = 256 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one image: bytes of the file, and pixels, which bound the memory that decoding takes."""

    max_bytes: int
    max_pixels: int


async def store_upload(files: MediaFiles, content: BinaryIO, limits: Limits) -> Upload:
    """The stored original. An upload that is never recorded leaves a file that nobody refers to, and nothing else."""
    return await asyncio.to_thread(_store, files, content, limits)


def _store(files: MediaFiles, content: BinaryIO, limits: Limits) -> Upload:
    if (size := content.seek(0, SEEK_END)) > limits.max_bytes:
        raise ImageFileTooLarge(f"An image has at most {limits.max_bytes} bytes")
    content.seek(0)
    try:
        look = look_at(content)
    except UnusablePictureError as error:
        raise UnsupportedImage(f"Not accepted: {error}") from error
    if look.pixels > limits.max_pixels:
        raise ImageTooLarge(f"An image has at most {limits.max_pixels} pixels")
    upload = Upload(new_id(), look.content_type, size, _digest(content))
    files.write_original(upload.media_id, content)
    return upload


def _digest(content: BinaryIO) -> bytes:
    content.seek(0)
    digest = sha256()
    while chunk := content.read(CHUNK):
        digest.update(chunk)
    return digest.digest()
