"""Originals and variants on disk: `<root>/<last two digits>/<id>/{original,thumb.webp,…}`.

Private ones are below `<root>/private`. Files are written under a temporary name and then renamed, so that a reader
never sees a part of one. The processes that receive uploads, make variants and serve them must share the root and run
as one user: others cannot read it.
"""

import logging
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from uuid import UUID

from catalog.media.domain import Visibility
from common.ids import new_id

log = logging.getLogger(__name__)

OWN_FOLDER, OWN_FILE = 0o700, 0o600
"""Modes that other users of the machine cannot read, whatever the umask is."""


class MediaFiles:
    def __init__(self, root: Path, visibility: Visibility = "public") -> None:
        self._root = root
        self._visibility = visibility

    def close_to_others(self) -> None:
        """Mend a folder that an earlier version made readable for all users of the machine; once, at start."""
        try:
            if self._root.stat().st_mode & 0o077:
                _close(self._root)
        except FileNotFoundError:
            pass
        except PermissionError as error:
            log.warning("other users may be able to read the images in %s: %s", self._root, error.strerror)

    def of(self, visibility: Visibility) -> "MediaFiles":
        """The folder for images of this visibility. Unsigned requests are served from the public one only."""
        return MediaFiles(self._root, visibility)

    def original(self, media_id: UUID) -> Path:
        return self._folder(media_id) / "original"

    def variant(self, media_id: UUID, name: str) -> Path:
        return self._folder(media_id) / f"{name}.webp"

    def read_original(self, media_id: UUID) -> bytes:
        return self.original(media_id).read_bytes()

    def write_original(self, media_id: UUID, content: bytes) -> None:
        self._write(self.original(media_id), content)

    def write_variants(self, media_id: UUID, variants: dict[str, bytes]) -> None:
        for name, content in variants.items():
            self._write(self.variant(media_id, name), content)

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
        folder = self._root if self._visibility == "public" else self._root / "private"
        return folder / media_id.hex[-2:] / str(media_id)

    def _write(self, path: Path, content: bytes) -> None:
        _make_folders(path.parent, self._root)
        temporary = path.with_name(f".{path.name}.{new_id().hex}")
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWN_FILE), "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        temporary.replace(path)


def _make_folders(folder: Path, root: Path) -> None:
    """`mkdir(parents=True)` would give its mode to the last folder only."""
    root.parent.mkdir(parents=True, exist_ok=True)
    for each in reversed([folder, *folder.parents]):
        if each.is_relative_to(root):
            each.mkdir(mode=OWN_FOLDER, exist_ok=True)


def _close(root: Path) -> None:
    """From the top down: what is in a folder that nobody can enter cannot be opened."""
    root.chmod(OWN_FOLDER)
    for folder, folders, files in os.walk(root):
        for name in (*folders, *files):
            path = Path(folder, name)
            if not path.is_symlink():
                path.chmod(OWN_FOLDER if path.is_dir() else OWN_FILE)
