"""A notifications service on a database of its own, with a mailbox in a temporary folder."""

from collections.abc import Awaitable, Callable
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest

from common.service import Service
from common.testing.plugin import FreshDatabase
from notifications.app import build
from notifications.settings import Settings

Built = Callable[..., Awaitable[Service]]
Letters = Callable[[], list[EmailMessage]]


@pytest.fixture
async def built(fresh_database: FreshDatabase, tmp_path: Path) -> Built:
    """`await built(mail_backend="smtp", …)`: the service with these settings."""
    database = await fresh_database("notifications")

    async def build_with(**settings: Any) -> Service:
        return build(Settings.model_validate({"database_url": database.url, "data_dir": str(tmp_path)} | settings))

    return build_with


@pytest.fixture
async def service(built: Built) -> Service:
    return await built()


@pytest.fixture
def letters(tmp_path: Path) -> Letters:
    """The letters in the mailbox, oldest first."""

    def read() -> list[EmailMessage]:
        files = sorted((tmp_path / "mail").glob("*.eml"))
        return [message_from_bytes(file.read_bytes(), policy=default) for file in files]  # type: ignore[arg-type]

    return read
