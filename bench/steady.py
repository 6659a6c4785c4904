"""Orders at a steady rate, independent of the responses: an open loop."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from bench.scenarios.checkout import orders
from bench.seed import SeedData
from bench.wire import Connection

MAX_CONNECTIONS = 400
SAMPLE = 20
"""One in so many customers waits for the result: its latency is measured, the others only read the first response."""
LATE_SECONDS = 20.0


@dataclass
class Sent:
    """`latencies`: seconds from the scheduled time of a sampled order until its confirmation."""

    statuses: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    late: int = 0


class Customers:
    """Place orders at `rate` a second."""

    def __init__(self, seed_data: SeedData, rate: float) -> None:
        self._shop = seed_data
        self._rate = rate
        self._idle: asyncio.LifoQueue[Connection] = asyncio.LifoQueue()
        self._made = 0
        self.sent = Sent()

    async def order(self, seconds: float) -> Sent:
        """For so long; then wait for the outstanding responses."""
        waiting, others = orders(self._shop, "wait=10"), orders(self._shop, "")
        tasks: set[asyncio.Task[None]] = set()
        started = time.perf_counter()
        for number in range(int(self._rate * seconds)):
            due = started + number / self._rate
            if (ahead := due - time.perf_counter()) > 0.001:
                await asyncio.sleep(ahead)
            task = asyncio.create_task(self._one(waiting if number % SAMPLE == 0 else others, due, number))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        if tasks:
            _, unanswered = await asyncio.wait(tasks, timeout=LATE_SECONDS)
            self.sent.late = len(unanswered)
            for task in unanswered:
                task.cancel()
        self._close()
        return self.sent

    async def _one(self, requests: Iterator[bytes], due: float, number: int) -> None:
        connection = await self._connection()
        status, _ = await connection.send(next(requests))
        self.sent.statuses[status] += 1
        if number % SAMPLE == 0 and status == 201:
            self.sent.latencies.append(time.perf_counter() - due)
        self._idle.put_nowait(connection)

    async def _connection(self) -> Connection:
        if self._idle.empty() and self._made < MAX_CONNECTIONS:
            self._made += 1
            return await Connection.open(self._shop.url)
        return await self._idle.get()

    def _close(self) -> None:
        while not self._idle.empty():
            self._idle.get_nowait().close()
