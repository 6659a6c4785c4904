"""What runs on a clock: the mails that are due are written and sent."""

import asyncio
import logging
import time
from collections.abc import Sequence
from datetime import timedelta

from common import clock
from common.linger import Linger
from common.persistence.database import Database
from notifications.domain.mail import Deferred, Mail, Outcome, Refused
from notifications.letters import Letter, UnwritableError, Writer
from notifications.providers.post import Post
from notifications.usecases.claim_mail import claim_mail
from notifications.usecases.record_mail import record_mail

log = logging.getLogger(__name__)

LEASE_MARGIN = timedelta(seconds=40)


class Postman:
    """Claims, sends and records in two transactions, with none open while it sends.

    The claim's lease covers the longest sending with room to spare; after a crash it is how long the claimed mails
    wait.
    """

    def __init__(self, database: Database, writer: Writer, post: Post) -> None:
        self._database = database
        self._writer = writer
        self._post = post
        self._lease = timedelta(seconds=post.longest) + LEASE_MARGIN
        self._linger = Linger()

    async def send_due(self) -> int:
        """Send one batch of due mails; how many were tried."""
        await self._linger.wait()
        started = time.monotonic()
        async with self._database.begin() as tx:
            mails = await claim_mail(tx, self._post.at_once, self._lease)
        if not mails:
            return 0
        outcomes = await self._send(mails)
        async with self._database.begin() as tx:
            await record_mail(tx, list(zip(mails, outcomes, strict=True)))
        if len(mails) < self._post.at_once:
            self._linger.worked(time.monotonic() - started)
        return len(mails)

    async def _send(self, mails: Sequence[Mail]) -> list[Outcome]:
        # A batch takes milliseconds to render, too long for an event loop that answers requests.
        written = await asyncio.to_thread(self._write, mails)
        letters = [letter for letter in written if isinstance(letter, Letter)]
        sent = iter(await self._post.send(letters))
        return [next(sent) if isinstance(outcome, Letter) else outcome for outcome in written]

    def _write(self, mails: Sequence[Mail]) -> list[Letter | Outcome]:
        return [self._written(mail) for mail in mails]

    def _written(self, mail: Mail) -> Letter | Outcome:
        if mail.is_too_late(clock.now()):
            return Refused("what it was to bring has expired")
        try:
            return self._writer.write(mail)
        except UnwritableError as error:
            return Refused(str(error))
        except Exception as error:
            # One strange mail must not keep the others of its batch from being recorded.
            log.exception("mail %s was not written", mail.id)
            return Deferred(repr(error))
