"""Plain aio-pika: publishes confirmed one by one, 256 in flight; then consumes and acknowledges.

Arguments: {"amqp": …, "queue": …, "count": …, "what": "publish" or "consume"}
"""

import asyncio
import json
import time
from itertools import count as numbers
from typing import Any
from uuid import uuid4

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

from bench.child import arguments, program, say
from bench.processes.sample_event import TEXT

WINDOW = 256
PREFETCH = 200
QUORUM: dict[str, Any] = {"x-queue-type": "quorum"}
BODY = json.dumps({"thing_id": str(uuid4()), "product": 1, "text": TEXT}).encode()
MAX_SECONDS = 120


async def publish(channel: AbstractChannel, queue: str, count: int) -> None:
    """Each of 256 workers sends its next message when its last is confirmed."""
    await channel.declare_queue(queue, durable=True, arguments=QUORUM)
    exchange, left = channel.default_exchange, numbers(1)

    async def work() -> None:
        while next(left) <= count:
            message = aio_pika.Message(
                BODY, message_id=str(uuid4()), delivery_mode=aio_pika.DeliveryMode.PERSISTENT, type="bench"
            )
            await exchange.publish(message, routing_key=queue)

    await asyncio.gather(*(work() for _ in range(WINDOW)))


async def consume(channel: AbstractChannel, queue: str, count: int) -> None:
    await channel.set_qos(prefetch_count=PREFETCH)
    finished = asyncio.Event()
    seen = 0

    async def arrived(message: AbstractIncomingMessage) -> None:
        nonlocal seen
        await message.ack()
        seen += 1
        if seen >= count:
            finished.set()

    await (await channel.get_queue(queue)).consume(arrived)
    await finished.wait()


async def main(amqp: str, queue: str, count: int, what: str) -> None:
    connection = await aio_pika.connect(amqp, timeout=10)
    async with connection, asyncio.timeout(MAX_SECONDS):
        channel = await connection.channel(publisher_confirms=True)
        started, cpu = time.perf_counter(), time.process_time()
        await (publish if what == "publish" else consume)(channel, queue, count)
        say(count=count, seconds=time.perf_counter() - started, cpu=time.process_time() - cpu)


if __name__ == "__main__":
    given = arguments()
    program(main(given["amqp"], given["queue"], given["count"], given["what"]))
