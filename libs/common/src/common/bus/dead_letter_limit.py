"""A limit for dead letters: a consumer that fails on everything stops, and its queue keeps the events.

Without it, a handler broken by a bad deploy would turn its whole queue into dead letters within minutes.
"""

import asyncio
import logging
from collections.abc import Sequence

from common import metrics
from common.bus.delivery import Dead, Done, Settlement

log = logging.getLogger(__name__)

MAX_DEAD_LETTERS = 100
"""Far more than poisoned events cause, and few enough to read and replay."""

PROBE_SECONDS = 60.0
"""A stopped consumer tries one event after this pause, so that it recovers by itself from a transient cause.

The event is settled as its handler decides, dead letter included. Holding it would block every event behind one that is
really poisoned; requeueing it would count against the broker's delivery limit.
"""


class DeadLetterLimit:
    """Counts a consumer's dead letters up and its handled events down; at MAX_DEAD_LETTERS the consumer stops.

    So it stops after that many failures in a row, and also if more events die than succeed, whichever types fail.
    A success lets it continue, one below the limit: if the next event dies as well, it stops again.
    """

    def __init__(self, consumer: str) -> None:
        self._consumer = consumer
        self._count = 0
        self._gauge = metrics.CONSUMER_STOPPED.labels(consumer)
        self._gauge.set(0)

    @property
    def reached(self) -> bool:
        """Whether the consumer must stop now."""
        return self._count >= MAX_DEAD_LETTERS

    def admit(self, settlements: Sequence[Settlement]) -> int:
        """Count the settlements of a batch. Returns how many may be carried out; the others stay in the queue."""
        was_reached = self.reached
        for position, settlement in enumerate(settlements, start=1):
            if isinstance(settlement, Done):
                if self._count:
                    self._count -= 1
            elif isinstance(settlement, Dead):
                self._count = min(self._count + 1, MAX_DEAD_LETTERS)
                if self.reached:
                    self._report(was_reached)
                    return position
        self._report(was_reached)
        return len(settlements)

    async def pause(self) -> None:
        """Until the next event may be tried."""
        await asyncio.sleep(PROBE_SECONDS)

    def _report(self, was_reached: bool) -> None:
        if self.reached == was_reached:
            return
        self._gauge.set(self.reached)
        if self.reached:
            log.error(
                "%s stopped: %d more events became dead letters than were handled. Its queue keeps the rest. It tries "
                "one event every %d s and continues once one succeeds; a restart continues at once. Replay the dead "
                "letters with POST /api/v1/dead-letters/replay",
                self._consumer,
                MAX_DEAD_LETTERS,
                PROBE_SECONDS,
            )
        else:
            log.warning("%s handled an event and continues", self._consumer)
