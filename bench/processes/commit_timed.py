"""Commit events, one per transaction, with a relay beside it, as a service does.

Arguments: {"database": …, "amqp": …, "count": …, "pause": [min, max]}: seconds between two commits. Prints when each
event was committed, in nanoseconds of the machine's monotonic clock.
"""

import asyncio
import random
import time

from bench.child import arguments, program, say
from bench.processes.sample_event import PRODUCTS, SampleSold
from common.bus.rabbitmq.transport import RabbitTransport
from common.bus.relay import Relay
from common.ids import new_id
from common.persistence.database import Database

DRAIN_SECONDS = 30
AT_ONCE = 4


async def main(database_url: str, amqp: str, count: int, pause: tuple[float, float]) -> None:
    database, transport = Database(database_url), RabbitTransport(amqp, "bench.commit")
    await transport.start()
    relay = asyncio.create_task(Relay("bench", database.apart(2), transport).run())
    committed: dict[str, int] = {}
    lanes = AT_ONCE if pause == (0, 0) else 1
    started, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(_commit_events(database, count // lanes, pause, committed) for _ in range(lanes)))
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    say(committed=committed, seconds=seconds, cpu=cpu)
    # The parent ends this process when the last event was handled; until then the relay runs.
    await asyncio.wait([relay], timeout=DRAIN_SECONDS)


async def _commit_events(database: Database, count: int, pause: tuple[float, float], committed: dict[str, int]) -> None:
    due = time.perf_counter()
    for number in range(count):
        thing = new_id()
        async with database.begin() as tx:
            tx.publish(SampleSold(thing_id=thing, product=number % PRODUCTS))
        committed[str(thing)] = time.monotonic_ns()
        due += random.uniform(*pause)
        await asyncio.sleep(max(0.0, due - time.perf_counter()))


if __name__ == "__main__":
    given = arguments()
    least, most = given["pause"]
    program(main(given["database"], given["amqp"], given["count"], (least, most)))
