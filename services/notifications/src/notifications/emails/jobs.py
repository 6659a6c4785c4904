"""Renders and sends due e-mails."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta

from common import clock
from common.outbound import OutboundWorker
from common.persistence.database import Database
from common.persistence.transaction import Transaction
from notifications.emails import store
from notifications.emails.domain import Deferred, Email, Outcome, Rejected, RenderedEmail
from notifications.emails.providers.email_renderer import EmailRenderer, RenderError
from notifications.emails.providers.transport import EmailTransport
from notifications.emails.usecases import record_outcomes

log = logging.getLogger(__name__)

SEND_EVERY_SECONDS = 2.0

LEASE_MARGIN = timedelta(seconds=40)
"""How much longer than a call a lease lasts. After a crash, the claimed e-mails wait for the end of their lease."""


class EmailCalls:
    """Calls that render and send batches of e-mails."""

    def __init__(self, renderer: EmailRenderer, transport: EmailTransport) -> None:
        self._renderer = renderer
        self._transport = transport
        self._lease = timedelta(seconds=transport.max_seconds) + LEASE_MARGIN

    async def claim(self, tx: Transaction, limit: int) -> list[Email]:
        return await store.claim_due(tx, limit, clock.now(), self._lease)

    async def call(self, items: Sequence[Email]) -> list[Outcome]:
        # Rendering a batch takes too long for an event loop that answers requests.
        results = await asyncio.to_thread(self._render_all, items)
        rendered = [result for result in results if isinstance(result, RenderedEmail)]
        outcomes = iter(await self._transport.send(rendered))
        return [next(outcomes) if isinstance(result, RenderedEmail) else result for result in results]

    async def record(self, tx: Transaction, results: Sequence[tuple[Email, Outcome]]) -> None:
        await record_outcomes(tx, results)

    def _render_all(self, emails: Sequence[Email]) -> list[RenderedEmail | Outcome]:
        return [self._render(email) for email in emails]

    def _render(self, email: Email) -> RenderedEmail | Outcome:
        """The rendered e-mail, or the outcome of an attempt that ends here."""
        if email.has_expired(clock.now()):
            return Rejected("its content has expired")
        try:
            return self._renderer.render(email)
        except RenderError as error:
            return Rejected(str(error))
        except Exception as error:
            # One e-mail must not keep the others of its batch from being recorded.
            log.exception("e-mail %s was not rendered", email.id)
            return Deferred(repr(error))


def email_sender(
    database: Database, renderer: EmailRenderer, transport: EmailTransport
) -> OutboundWorker[Email, Outcome]:
    """The worker that sends e-mails. It lingers: a batch costs about as much as one e-mail."""
    return OutboundWorker(
        "send-emails",
        EmailCalls(renderer, transport),
        database,
        capacity=transport.concurrency,
        batch=transport.batch_size,
        every=SEND_EVERY_SECONDS,
        lingers=True,
    )
