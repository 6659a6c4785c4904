"""Originals and variants on disk: `<root>/<last two digits>/<id>/{original,thumb.webp,…}`.

Private ones are below `<root>/private`. Files are written under a temporary name and then renamed, so that a reader
never sees a part of one. The processes that receive uploads, make variants and serve them must share the root.
"""

import logging
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from catalog.media.domain import Visibility
from common.ids import new_id

log = logging.getLogger(__name__)


class MediaFiles:
    def __init__(self, root: Path) -> None:
        self._root = root

    def of(self, visibility: Visibility) -> "MediaFiles":
        """The folder for images of this visibility. Unsigned requests are served from the public one only."""
        return self if visibility == "public" else MediaFiles(self._root / "private")

    def original(self, media_id: UUID) -> Path:
        return self._folder(media_id) / "original"

    def variant(self, media_id: UUID, name: str) -> Path:
        return self._folder(media_id) / f"{name}.webp"

    def open_original(self, media_id: UUID) -> BinaryIO:
        return self.original(media_id).open("rb")

    def write_original(self, media_id: UUID, content: BinaryIO) -> None:
        content.seek(0)
        _write(self.original(media_id), content)

    def write_variants(self, media_id: UUID, variants: dict[str, bytes]) -> None:
        for name, content in variants.items():
            _write(self.variant(media_id, name), BytesIO(content))

    def remove_original(self, media_id: UUID) -> None:
        self.original(media_id).unlink(missing_ok=True)

    def remove(self, media_id: UUID) -> None:
        """Delete all files of an image, if there are any. Raises OSError."""
        with suppress(FileNotFoundError):
            shutil.rmtree(self._folder(media_id))

    def remove_all(self, discarded: Mapping[UUID, Visibility]) -> list[UUID]:
        """Delete the files of these images. Returns those whose files are gone; the errors of the others are logged."""
        removed = []
        for media_id, visibility in discarded.items():
            try:
                self.of(visibility).remove(media_id)
            except OSError:
                log.exception("the files of image %s cannot be deleted", media_id)
            else:
                removed.append(media_id)
        return removed

    def _folder(self, media_id: UUID) -> Path:
        # The end of a UUIDv7 is random, its beginning is the time.
        return self._root / media_id.hex[-2:] / str(media_id)


def _write(path: Path, content: BinaryIO) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{new_id().hex}")
    with temporary.open("wb") as out:
        shutil.copyfileobj(content, out)
        out.flush()
        os.fsync(out.fileno())
    temporary.replace(path)
