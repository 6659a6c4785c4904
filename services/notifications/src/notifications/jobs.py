"""What runs on a clock: the mails that are due are written and sent."""

import asyncio
import logging
from dataclasses import dataclass
from datetime import timedelta

from common.persistence.database import Database
from notifications.domain.mail import Deferred, Mail, Outcome, Refused
from notifications.letters import UnwritableError, Writer
from notifications.providers.post import Post
from notifications.usecases.claim_mail import claim_mail
from notifications.usecases.record_mail import record_mail

log = logging.getLogger(__name__)

AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class Postman:
    """Claims, sends and records in two transactions, with none open while it sends.

    `lease` must be longer than any sending takes; after a crash it is how long the claimed mails wait.
    """

    database: Database
    writer: Writer
    post: Post
    lease: timedelta

    async def send_due(self) -> int:
        """Send one batch of due mails; how many were tried."""
        async with self.database.begin() as tx:
            mails = await claim_mail(tx, AT_ONCE, self.lease)
        if not mails:
            return 0
        outcomes = await asyncio.gather(*(self._send(mail) for mail in mails))
        async with self.database.begin() as tx:
            await record_mail(tx, list(zip(mails, outcomes, strict=True)))
        return len(mails)

    async def _send(self, mail: Mail) -> Outcome:
        try:
            # Rendering takes milliseconds, too long for an event loop that answers requests.
            letter = await asyncio.to_thread(self.writer.write, mail)
            return await self.post.send(letter)
        except UnwritableError as error:
            return Refused(str(error))
        except Exception as error:
            # One strange mail must not keep the others of its batch from being recorded.
            log.exception("mail %s was not sent", mail.id)
            return Deferred(repr(error))
