"""Handle the bench's events in batches and record when each was passed to its handler.

Arguments: {"database": …, "amqp": …, "count": …}. Prints a line when ready, then the time of each event, in nanoseconds
of the machine's monotonic clock.
"""

import asyncio
import time
from collections.abc import Sequence

from bench.child import arguments, program, say
from bench.processes.sample_event import InBatches, SampleSold, consumer
from common.bus.dead_letter_limit import DeadLetterLimit
from common.bus.dispatch import Dispatcher
from common.bus.rabbitmq.transport import RabbitTransport
from common.bus.subscriptions import subscribe
from common.persistence.database import Database
from common.persistence.transaction import Transaction

MAX_SECONDS = 120


class Noting:
    """Records the time, then does the same as the batch handler."""

    def __init__(self, expected: int) -> None:
        self.handled: dict[str, int] = {}
        self.finished = asyncio.Event()
        self._expected = expected
        self._effect = InBatches()

    @subscribe(SampleSold, consumer="bench.things", batch=64)
    async def on_samples_sold(self, events: Sequence[SampleSold], tx: Transaction) -> None:
        now = time.monotonic_ns()
        self.handled |= {str(event.thing_id): now for event in events}
        await self._effect.on_samples_sold(events, tx)
        if len(self.handled) >= self._expected:
            tx.after_commit(self.finished.set)


async def main(database_url: str, amqp: str, count: int) -> None:
    database, transport = Database(database_url), RabbitTransport(amqp, "bench.consume")
    await transport.start()
    noting = Noting(count)
    taker = consumer(noting)
    await transport.declare([taker])
    consuming = asyncio.create_task(transport.consume(taker, Dispatcher(taker, database), DeadLetterLimit(taker.name)))
    say(ready=True)
    async with asyncio.timeout(MAX_SECONDS):
        await noting.finished.wait()
    say(handled=noting.handled)
    consuming.cancel()
    await asyncio.gather(consuming, return_exceptions=True)


if __name__ == "__main__":
    given = arguments()
    program(main(given["database"], given["amqp"], given["count"]))
