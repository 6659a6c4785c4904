"""A local folder instead of a mail server: the embedded platform's default."""

import asyncio
import re
from collections.abc import Sequence
from datetime import UTC
from pathlib import Path

from notifications.domain.mail import Deferred, Outcome, Sent
from notifications.letters import Letter

AT_ONCE = 256
LONGEST = 30.0
LOOKS_LIKE_FRAME = re.compile(rb"^>*From ", re.MULTILINE)


class Mailbox:
    """Writes letters that are sent together to `<folder>/<UTC time>-<id>.mbox`, named after the first of them.

    A file for each letter would cost more than all the rest of sending it. A letter sent again after a crash may be
    there twice, with the same Message-ID. Nothing is synced to the disk: a crash of the machine may cost the last
    letters of this stand-in for a mail server, a crash of the process none.
    """

    at_once = AT_ONCE
    longest = LONGEST

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def send(self, letters: Sequence[Letter]) -> list[Outcome]:
        return await asyncio.to_thread(self._write, letters)

    def _write(self, letters: Sequence[Letter]) -> list[Outcome]:
        if not letters:
            return []
        first = letters[0]
        written = first.created_at.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        # Readers never see half a letter: the file appears under its name when it is complete.
        draft = self._folder / f"{written}-{first.id}.part"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft.write_bytes(b"".join(map(_framed, letters)))
            draft.replace(draft.with_suffix(".mbox"))
        except OSError as error:
            return [Deferred(f"{type(error).__name__}: {error.strerror}")] * len(letters)
        return [Sent()] * len(letters)


def _framed(letter: Letter) -> bytes:
    """As RFC 4155 frames it: lines of the letter that look like the frame are quoted."""
    came = letter.created_at.astimezone(UTC).strftime("%a %b %d %H:%M:%S %Y")
    content = letter.content.replace(b"\r\n", b"\n")
    return b"From %s %s\n%s\n" % (letter.sender.encode(), came.encode(), LOOKS_LIKE_FRAME.sub(rb">\g<0>", content))
