"""A local folder instead of a mail server: the embedded platform's default."""

import asyncio
from datetime import UTC
from pathlib import Path

from notifications.domain.mail import Deferred, Outcome, Sent
from notifications.letters import Letter


class Mailbox:
    """Writes each letter to `<folder>/<UTC time>-<id>.eml`; names sort by time.

    A letter sent again replaces its file, so the folder holds each letter once.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def send(self, letter: Letter) -> Outcome:
        try:
            await asyncio.to_thread(self._write, letter)
        except OSError as error:
            return Deferred(f"{type(error).__name__}: {error.strerror}")
        return Sent()

    def _write(self, letter: Letter) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        written = letter.created_at.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        target = self._folder / f"{written}-{letter.id}.eml"
        # Readers never see half a letter: it appears under its name when it is complete.
        draft = target.with_suffix(".part")
        draft.write_bytes(letter.content)
        draft.replace(target)
