"""What runs on a clock: due messages are sent, and sent ones asked after."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from common.persistence.database import Database
from messaging.providers.channel import ChannelProvider, Outcome, Outgoing, Unknown
from messaging.usecases.apply_reports import apply_reports
from messaging.usecases.claim_messages import claim_due, claim_unreported
from messaging.usecases.record_attempts import record_attempts

log = logging.getLogger(__name__)

AT_ONCE = 64
LEASE_PER_TIMEOUT = 3


@dataclass(frozen=True, slots=True)
class Courier:
    """Claims, sends and records in two transactions, with none open while a provider is called.

    `timeout` in seconds bounds one call. A claim lasts three times as long: after a crash, that is how long the
    claimed messages wait.
    """

    database: Database
    provider: ChannelProvider
    timeout: float

    async def send_due(self, on_sent: Callable[[], None]) -> int:
        """Send one batch of due messages; how many were tried. `on_sent` is told when some may have arrived."""
        async with self.database.begin() as tx:
            messages = await claim_due(tx, AT_ONCE, timedelta(seconds=LEASE_PER_TIMEOUT * self.timeout))
        if not messages:
            return 0
        outcomes = await asyncio.gather(*(self._send(message) for message in messages))
        async with self.database.begin() as tx:
            await record_attempts(tx, list(zip(messages, outcomes, strict=True)))
            tx.after_commit(on_sent)
        return len(messages)

    async def ask_after_sent(self) -> int:
        """Ask the provider about one batch of messages that it took; how many it was asked about."""
        async with self.database.begin() as tx:
            pending = await claim_unreported(tx, AT_ONCE)
        if not pending:
            return 0
        async with asyncio.timeout(self.timeout):
            reports = await self.provider.reports(pending)
        async with self.database.begin() as tx:
            await apply_reports(tx, reports)
        return len(pending)

    async def _send(self, message: Outgoing) -> Outcome:
        try:
            async with asyncio.timeout(self.timeout):
                return await self.provider.send(message)
        except Exception as error:
            log.warning("outcome of message %s is unknown", message.id, extra={"error": repr(error)})
            return Unknown()
