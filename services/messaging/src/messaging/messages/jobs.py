"""Sends due messages, and polls the provider for reports about sent ones."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import timedelta

from common import clock
from common.jobs import Job
from common.outbound import OutboundWorker
from common.persistence.database import Database
from common.persistence.transaction import Transaction
from messaging.messages import store
from messaging.messages.domain import OutboundMessage, Outcome, Unknown
from messaging.messages.providers.channel import ChannelProvider
from messaging.messages.usecases.apply_reports import apply_reports, record_outcomes

log = logging.getLogger(__name__)

SEND_EVERY_SECONDS = 2.0
POLL_EVERY_SECONDS = 5.0
MAX_CALLS = 64
POLL_BATCH = 64
LEASE_PER_TIMEOUT = 3
"""A lease lasts three times as long as a call may: the delay of the claimed messages after a crash."""


class MessageCalls:
    """Calls that send messages; each lasts at most `timeout` seconds. `on_sent` is called when some were sent."""

    def __init__(self, provider: ChannelProvider, timeout: float, on_sent: Callable[[], None]) -> None:
        self._provider = provider
        self._timeout = timeout
        self._on_sent = on_sent

    async def claim(self, tx: Transaction, limit: int) -> list[OutboundMessage]:
        return await store.claim_due(tx, limit, clock.now(), timedelta(seconds=LEASE_PER_TIMEOUT * self._timeout))

    async def call(self, items: Sequence[OutboundMessage]) -> Sequence[Outcome]:
        return [await self._send(message) for message in items]

    async def record(self, tx: Transaction, results: Sequence[tuple[OutboundMessage, Outcome]]) -> None:
        await record_outcomes(tx, results)
        tx.after_commit(self._on_sent)

    async def _send(self, message: OutboundMessage) -> Outcome:
        try:
            async with asyncio.timeout(self._timeout):
                return await self._provider.send(message)
        except Exception as error:
            log.warning("the outcome of message %s is unknown", message.id, extra={"error": repr(error)})
            return Unknown()


def message_sender(database: Database, calls: MessageCalls) -> OutboundWorker[OutboundMessage, Outcome]:
    """The worker that sends messages, one per call."""
    return OutboundWorker("send-messages", calls, database, capacity=MAX_CALLS, every=SEND_EVERY_SECONDS)


def report_poll(database: Database, provider: ChannelProvider, timeout: float) -> Job:
    """The job that asks the provider, at most `timeout` seconds per call, about messages without a report."""

    async def poll() -> int:
        async with database.begin() as tx:
            messages = await store.claim_unreported(tx, POLL_BATCH, clock.now())
        if not messages:
            return 0
        async with asyncio.timeout(timeout):
            reports = await provider.reports(messages)
        async with database.begin() as tx:
            await apply_reports(tx, reports)
        return len(messages)

    return Job("poll-message-reports", POLL_EVERY_SECONDS, poll)
