"""A mail server, over SMTP (RFC 5321) with STARTTLS or TLS."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from aiosmtplib import (
    SMTPDataError,
    SMTPException,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPSenderRefused,
    send,
)

from notifications.domain.mail import Deferred, Outcome, Refused, Sent
from notifications.letters import Letter

log = logging.getLogger(__name__)

CONNECTIONS = 8
TURNS = 4
"""Letters that a connection's place sees one after the other in one call."""

PERMANENT = 500


@dataclass(frozen=True, slots=True)
class Server:
    """Where and how to hand mails over; `timeout` in seconds bounds one mail, connection included."""

    host: str
    port: int
    user: str
    password: str
    security: Literal["starttls", "tls", "none"]
    timeout: float


class Smtp:
    """One connection per letter, a few at a time."""

    at_once = CONNECTIONS * TURNS

    def __init__(self, server: Server) -> None:
        self._server = server
        self._connections = asyncio.Semaphore(CONNECTIONS)

    @property
    def longest(self) -> float:
        return TURNS * self._server.timeout

    async def send(self, letters: Sequence[Letter]) -> list[Outcome]:
        return await asyncio.gather(*(self._send(letter) for letter in letters))

    async def _send(self, letter: Letter) -> Outcome:
        try:
            async with self._connections, asyncio.timeout(self._server.timeout):
                await self._hand_over(letter)
        except (SMTPException, OSError, TimeoutError) as error:
            return _outcome_of(error)
        except Exception as error:
            # One strange letter must not keep the others of its batch from being recorded.
            log.exception("mail %s was not sent", letter.id)
            return Deferred(repr(error))
        return Sent()

    async def _hand_over(self, letter: Letter) -> None:
        server = self._server
        await send(
            letter.content,
            sender=letter.sender,
            recipients=[letter.recipient],
            hostname=server.host,
            port=server.port,
            username=server.user or None,
            password=server.password or None,
            use_tls=server.security == "tls",
            start_tls=server.security == "starttls",
            timeout=server.timeout,
        )


def _outcome_of(error: Exception) -> Outcome:
    """Only a 5xx about this letter is final: one about the connection or our password may be mended meanwhile."""
    code, text = _reply(error)
    reason = f"{code} {text}".strip() if code else f"{type(error).__name__}: {error}"
    about_the_letter = isinstance(error, SMTPRecipientsRefused | SMTPSenderRefused | SMTPDataError)
    return Refused(reason[:500]) if about_the_letter and code >= PERMANENT else Deferred(reason[:500])


def _reply(error: Exception) -> tuple[int, str]:
    """The server's reply code and text; 0 when it did not reply."""
    if isinstance(error, SMTPRecipientsRefused):
        refused = error.recipients[0]
        return refused.code, refused.message
    return (error.code, error.message) if isinstance(error, SMTPResponseException) else (0, "")
