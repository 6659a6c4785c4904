"""Handle the messages in the bench's queue with the platform's own consumer: inbox, effect, acknowledgement.

Arguments: {"database": …, "amqp": …, "count": …, "batched": true}
"""

import asyncio
import time
from collections.abc import Sequence

from bench.child import arguments, program, say
from bench.processes.sample_event import InBatches, OneByOne, consumer
from common.bus.dead_letter_limit import DeadLetterLimit
from common.bus.delivery import Delivery, Done, Settlement
from common.bus.dispatch import Dispatcher
from common.bus.rabbitmq.transport import RabbitTransport
from common.persistence.database import Database

MAX_SECONDS = 120


class Counting:
    """The dispatcher; `finished` is set when it has handled `expected` deliveries."""

    def __init__(self, dispatcher: Dispatcher, expected: int) -> None:
        self._dispatcher = dispatcher
        self._left = expected
        self.started = 0.0
        self.cpu_before = 0.0
        self.finished = asyncio.Event()

    async def __call__(self, deliveries: Sequence[Delivery]) -> list[Settlement]:
        if not self.started:
            self.started, self.cpu_before = time.perf_counter(), time.process_time()
        settlements = await self._dispatcher(deliveries)
        if not all(isinstance(settlement, Done) for settlement in settlements):
            raise SystemExit(f"not handled: {settlements[0]}")
        self._left -= len(deliveries)
        if self._left <= 0:
            self.finished.set()
        return settlements


async def main(database_url: str, amqp: str, count: int, batched: bool) -> None:
    database, transport = Database(database_url), RabbitTransport(amqp, "bench")
    await transport.start()
    taker = consumer(InBatches() if batched else OneByOne())
    counting = Counting(Dispatcher(taker, database), count)
    consuming = asyncio.create_task(transport.consume(taker, counting, DeadLetterLimit(taker.name)))
    async with asyncio.timeout(MAX_SECONDS):
        await counting.finished.wait()
    say(count=count, seconds=time.perf_counter() - counting.started, cpu=time.process_time() - counting.cpu_before)
    consuming.cancel()
    await asyncio.gather(consuming, return_exceptions=True)
    await transport.close()
    await database.close()


if __name__ == "__main__":
    given = arguments()
    program(main(given["database"], given["amqp"], given["count"], given["batched"]))
