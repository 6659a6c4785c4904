"""A mail server, over SMTP (RFC 5321) with STARTTLS or TLS."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import aiosmtplib
from aiosmtplib import (
    SMTPDataError,
    SMTPException,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPSenderRefused,
)

from notifications.emails.domain import Deferred, Outcome, Rejected, RenderedEmail, Sent

log = logging.getLogger(__name__)

CONNECTIONS = 8
BATCHES = 4
"""Batches in flight: while one waits for its last e-mails, the connections serve the others."""

PERMANENT = 500


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where and how to send; `timeout` in seconds bounds one e-mail, connection included."""

    host: str
    port: int
    user: str
    password: str
    security: Literal["starttls", "tls", "none"]
    timeout: float


class Smtp:
    """One connection per e-mail, at most CONNECTIONS at a time."""

    batch_size = CONNECTIONS
    concurrency = BATCHES

    def __init__(self, server: SmtpServer) -> None:
        self._server = server
        self._connections = asyncio.Semaphore(CONNECTIONS)

    @property
    def max_seconds(self) -> float:
        """All batches share the connections: the last one waits for the others."""
        return BATCHES * self._server.timeout

    async def send(self, emails: Sequence[RenderedEmail]) -> list[Outcome]:
        return await asyncio.gather(*(self._send(email) for email in emails))

    async def _send(self, email: RenderedEmail) -> Outcome:
        try:
            async with self._connections, asyncio.timeout(self._server.timeout):
                await self._send_on_new_connection(email)
        except (SMTPException, OSError, TimeoutError) as error:
            return _outcome_of(error)
        except Exception as error:
            # One e-mail must not keep the others of its batch from being recorded.
            log.exception("e-mail %s was not sent", email.id)
            return Deferred(repr(error))
        return Sent()

    async def _send_on_new_connection(self, email: RenderedEmail) -> None:
        server = self._server
        await aiosmtplib.send(
            email.content,
            sender=email.sender,
            recipients=[email.recipient],
            hostname=server.host,
            port=server.port,
            username=server.user or None,
            password=server.password or None,
            use_tls=server.security == "tls",
            start_tls=server.security == "starttls",
            timeout=server.timeout,
        )


def _outcome_of(error: Exception) -> Outcome:
    """Only a 5xx about this e-mail is final: one about the connection or our password may be fixed before the retry."""
    code, text = _reply(error)
    reason = f"{code} {text}".strip() if code else f"{type(error).__name__}: {error}"
    is_about_the_email = isinstance(error, SMTPRecipientsRefused | SMTPSenderRefused | SMTPDataError)
    return Rejected(reason[:500]) if is_about_the_email and code >= PERMANENT else Deferred(reason[:500])


def _reply(error: Exception) -> tuple[int, str]:
    """The server's reply code and text; 0 without a reply."""
    if isinstance(error, SMTPRecipientsRefused):
        recipient = error.recipients[0]
        return recipient.code, recipient.message
    return (error.code, error.message) if isinstance(error, SMTPResponseException) else (0, "")
