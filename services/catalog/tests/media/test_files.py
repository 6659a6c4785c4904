"""The folder of images: other users of the machine cannot read it."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from services.catalog.tests.media.uploads import image_file, process_images, upload_own

from catalog.media.domain import Visibility
from catalog.media.providers.files import MediaFiles
from common.ids import new_id
from common.testing import TestIssuer
from common.web.service import Service


@pytest.fixture
def no_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def modes(root: Path) -> set[str]:
    """What kinds of entries have which modes."""
    entries = (root, *root.rglob("*"))
    return {f"{'folder' if entry.is_dir() else 'file'} {entry.stat().st_mode & 0o777:o}" for entry in entries}


async def test_other_users_cannot_read_images_whatever_the_umask_is(
    catalog: Service, client: httpx.AsyncClient, tokens: TestIssuer, tmp_path: Path, no_umask: None
) -> None:
    owner = tokens.bearer(new_id())
    for visibility in ("private", "public"):
        await upload_own(client, owner, visibility=visibility)
        assert modes(tmp_path / "media") == {"folder 700", "file 600"}
    await process_images(catalog)
    await upload_own(client, owner)
    assert {path.name for path in (tmp_path / "media").rglob("*.webp")} == {"thumb.webp", "medium.webp", "large.webp"}
    assert modes(tmp_path / "media") == {"folder 700", "file 600"}


@pytest.mark.parametrize("visibility", ["private", "public"])
def test_folders_and_files_of_earlier_versions_are_mended(
    visibility: Visibility, tmp_path: Path, no_umask: None
) -> None:
    root, media_id = tmp_path / "media", new_id()
    files = MediaFiles(root)
    files.of(visibility).write_original(media_id, image_file())
    for entry in (root, *root.rglob("*")):
        entry.chmod(0o755 if entry.is_dir() else 0o644)
    stranger = tmp_path / "elsewhere"
    stranger.mkdir(mode=0o755)
    (root / "link").symlink_to(stranger)
    files.close_to_others()
    (root / "link").unlink()
    assert modes(root) == {"folder 700", "file 600"}
    assert modes(stranger) == {"folder 755"}
    assert files.of(visibility).read_original(media_id) == image_file()


def test_a_folder_that_does_not_exist_yet_needs_no_mending(tmp_path: Path) -> None:
    MediaFiles(tmp_path / "media").close_to_others()
    assert not (tmp_path / "media").exists()


def test_a_folder_of_another_user_is_told_and_does_not_stop_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    root = tmp_path / "media"
    root.mkdir(mode=0o755)

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "chmod", refuse)
    with caplog.at_level(logging.WARNING):
        MediaFiles(root).close_to_others()
    assert str(root) in caplog.text
