"""A local folder instead of a mail server: the embedded platform's default."""

import asyncio
import re
from collections.abc import Sequence
from datetime import UTC
from pathlib import Path

from notifications.emails.domain import Deferred, Outcome, RenderedEmail, Sent

FROM_LINE = re.compile(rb"^>*From ", re.MULTILINE)


class Mailbox:
    """Writes each batch to one file, `<folder>/<UTC time>-<id>.mbox`, named after its first e-mail.

    A file per e-mail would cost more than the rest of sending it. An e-mail that is sent again after a crash may be
    there twice, with the same Message-ID. Nothing is synced to the disk: a crash of the machine may lose the last
    e-mails, a crash of the process loses none.
    """

    batch_size = 256
    concurrency = 1
    max_seconds = 30.0

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def send(self, emails: Sequence[RenderedEmail]) -> list[Outcome]:
        return await asyncio.to_thread(self._write, emails)

    def _write(self, emails: Sequence[RenderedEmail]) -> list[Outcome]:
        if not emails:
            return []
        first = emails[0]
        created = first.created_at.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        # The file gets its final name when it is complete, so that readers never see half an e-mail.
        part = self._folder / f"{created}-{first.id}.part"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            part.write_bytes(b"".join(map(_mbox_entry, emails)))
            part.replace(part.with_suffix(".mbox"))
        except OSError as error:
            return [Deferred(f"{type(error).__name__}: {error.strerror}")] * len(emails)
        return [Sent()] * len(emails)


def _mbox_entry(email: RenderedEmail) -> bytes:
    """The e-mail as an entry of an mbox file (RFC 4155): lines that look like the start of an entry are quoted."""
    created = email.created_at.astimezone(UTC).strftime("%a %b %d %H:%M:%S %Y")
    content = email.content.replace(b"\r\n", b"\n")
    return b"From %s %s\n%s\n" % (email.sender.encode(), created.encode(), FROM_LINE.sub(rb">\g<0>", content))
