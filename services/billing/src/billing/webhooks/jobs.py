"""Applying provider events, each in a transaction of its own."""

import logging
from collections.abc import Mapping

from billing.webhooks.store import due_events
from billing.webhooks.usecases import EventParser, apply_event, postpone_event
from common import clock
from common.errors import is_outage
from common.jobs import Job
from common.persistence.database import Database

log = logging.getLogger(__name__)

EVERY_SECONDS = 1.0
BATCH = 100


class WebhookProcessor:
    """Applies due provider events; `parsers` by provider."""

    def __init__(self, database: Database, parsers: Mapping[str, EventParser]) -> None:
        self._database = database
        self._parsers = parsers
        self.job = Job("billing.provider-events", EVERY_SECONDS, self.run)

    async def run(self) -> int:
        """Apply due events. How many were tried."""
        async with self._database.begin() as tx:
            due = await due_events(tx, BATCH, clock.now())
        for event_id in due:
            await self._apply(event_id)
        return len(due)

    async def _apply(self, event_id: int) -> None:
        try:
            async with self._database.begin() as tx:
                await apply_event(tx, event_id, self._parsers, clock.now())
        except Exception as error:
            if is_outage(error):
                raise
            log.exception("provider event %d could not be applied", event_id)
            async with self._database.begin() as tx:
                await postpone_event(tx, event_id, repr(error), clock.now())
