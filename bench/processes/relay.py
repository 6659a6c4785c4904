"""Drain an outbox with the platform's relay over RabbitMQ.

Arguments: {"database": …, "amqp": …}; prints seconds, CPU seconds, rows and peak memory.
"""

import resource
import time

from bench.child import arguments, program, say
from bench.processes.sample_event import InBatches, consumer
from common.bus.rabbitmq.transport import RabbitTransport
from common.bus.relay import Relay
from common.persistence.database import Database


async def main(database_url: str, amqp: str) -> None:
    database, transport = Database(database_url), RabbitTransport(amqp, "bench")
    await transport.start()
    await transport.declare([consumer(InBatches())], database)
    relay = Relay("bench", database, transport)
    started, cpu = time.perf_counter(), time.process_time()
    moved = 0
    while batch := await relay.drain_once():
        moved += batch
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    say(count=moved, seconds=seconds, cpu=cpu, peak_mb=peak)
    await transport.close()
    await database.close()


if __name__ == "__main__":
    given = arguments()
    program(main(given["database"], given["amqp"]))
