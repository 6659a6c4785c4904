"""A local folder instead of a mail server: the embedded platform's default."""

import asyncio
from collections.abc import Sequence
from datetime import UTC
from pathlib import Path

from notifications.domain.mail import Deferred, Outcome, Sent
from notifications.letters import Letter

AT_ONCE = 256
LONGEST = 30.0


class Mailbox:
    """Writes each letter to `<folder>/<UTC time>-<id>.eml`; names sort by time.

    A letter sent again replaces its file, so the folder holds each letter once. Nothing is synced to the disk: a crash
    of the machine may cost the last letters of this stand-in for a mail server, a crash of the process none.
    """

    at_once = AT_ONCE
    longest = LONGEST

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def send(self, letters: Sequence[Letter]) -> list[Outcome]:
        # One thread for all: handing each over to a thread of its own cost more than writing it.
        return await asyncio.to_thread(self._write_all, letters)

    def _write_all(self, letters: Sequence[Letter]) -> list[Outcome]:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            return [_deferred(error)] * len(letters)
        return [self._write(letter) for letter in letters]

    def _write(self, letter: Letter) -> Outcome:
        written = letter.created_at.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        # Readers never see half a letter: it appears under its name when it is complete.
        draft = self._folder / f"{written}-{letter.id}.part"
        try:
            draft.write_bytes(letter.content)
            draft.replace(draft.with_suffix(".eml"))
        except OSError as error:
            return _deferred(error)
        return Sent()


def _deferred(error: OSError) -> Outcome:
    return Deferred(f"{type(error).__name__}: {error.strerror}")
