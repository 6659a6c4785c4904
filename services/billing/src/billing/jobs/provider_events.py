"""Reading what providers told us by webhook, each event once and in a transaction of its own."""

import logging
from collections.abc import Mapping

from billing.domain.pauses import LONGEST
from billing.usecases.apply_provider_event import Reader, apply_provider_event
from billing.usecases.postpone_provider_event import postpone_provider_event
from common import clock
from common.errors import is_outage
from common.persistence.database import Database

log = logging.getLogger(__name__)

BATCH = 100
DUE = """
SELECT id FROM provider_event WHERE next_attempt_at <= $1 OR next_attempt_at > $3 ORDER BY next_attempt_at, id LIMIT $2
"""


class EventDesk:
    """Applies due provider events; `readers` understand them, by provider."""

    def __init__(self, database: Database, readers: Mapping[str, Reader]) -> None:
        self._database = database
        self._readers = readers

    async def run(self) -> int:
        """Apply what is due. How many events were tried."""
        now = clock.now()
        async with self._database.begin() as tx:
            due = [row["id"] for row in await tx.sql.fetch(DUE, now, BATCH, now + LONGEST)]
        for event_id in due:
            await self._apply(event_id)
        return len(due)

    async def _apply(self, event_id: int) -> None:
        try:
            async with self._database.begin() as tx:
                await apply_provider_event(tx, event_id, self._readers, clock.now())
        except Exception as error:
            if is_outage(error):
                raise
            log.exception("provider event %d could not be applied", event_id)
            async with self._database.begin() as tx:
                await postpone_provider_event(tx, event_id, repr(error), clock.now())
