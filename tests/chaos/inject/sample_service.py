"""A service with one handler in its own process, for the tests of the fault points.

python -m tests.chaos.inject.sample_service serve rehearsal <queue's purpose> [event id …]

Publishes each id that is not in the outbox yet, one transaction each, and inserts every handled event into the table
`effect`. The database is DUKAN_DATABASE_URL, the broker AMQP_URL. Runs until it is killed.
"""

import asyncio
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar
from uuid import UUID

from common.bus.rabbitmq.transport import RabbitTransport
from common.bus.runtime import Runtime
from common.bus.subscriptions import collect, subscribe
from common.contracts.event import Event
from common.persistence.database import Database

EFFECTS = "CREATE TABLE effect (note text)"


class SampleEvent(Event):
    type: ClassVar[str] = "rehearsal.note.noted.v1"
    subject_field: ClassVar[str] = "note"

    note: str
    remark: str | None = None


class SampleHandlers:
    def __init__(self, purpose: str) -> None:
        @subscribe(SampleEvent, consumer=f"rehearsal.{purpose}", batch=8)
        async def on_noted(events: Sequence[Any], tx: Any) -> None:
            await tx.sql.executemany("INSERT INTO effect (note) VALUES ($1)", [(event.note,) for event in events])

        self.on_noted = on_noted


async def main(purpose: str, ids: Sequence[str]) -> None:
    database = Database(os.environ["DUKAN_DATABASE_URL"], pool_size=2)
    transport = RabbitTransport(os.environ["AMQP_URL"], "rehearsal")
    await transport.start()
    await Runtime("rehearsal", database, transport, collect(SampleHandlers(purpose))).start()
    for event_id in ids:
        await _publish(database, event_id)
    await asyncio.Event().wait()


async def _publish(database: Database, event_id: str) -> None:
    async with database.begin() as tx:
        if not await tx.sql.fetchval("SELECT true FROM outbox WHERE event_id = $1", UUID(event_id)):
            said = tx.publish(SampleEvent(note=event_id))
            # The test must know the id before it is published.
            tx._outgoing[-1] = (replace(said, id=UUID(event_id)), None)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[3], sys.argv[4:]))
