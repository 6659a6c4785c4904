"""Closed-loop load in Python: N connections, each sends its next request after the last response."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from bench.wire import Connection


@dataclass
class Result:
    """The results of a run. Latencies in milliseconds; `rate` counts responses with an expected status per second."""

    name: str
    rate: float
    p50: float
    p99: float
    requests: int
    connections: int
    unexpected: dict[int | str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, object]:
        return {
            "name": self.name,
            "per_second": round(self.rate, 1),
            "p50_ms": round(self.p50, 2),
            "p99_ms": round(self.p99, 2),
            "requests": self.requests,
            "connections": self.connections,
            "unexpected_statuses": self.unexpected,
        }


async def drive(
    name: str,
    url: str,
    next_request: Callable[[], bytes],
    *,
    seconds: float,
    connections: int,
    expected: frozenset[int] = frozenset({200}),
    seen: Callable[[bytes], None] | None = None,
) -> Result:
    """Load for `seconds` after a tenth of it as warm-up. `seen` receives each expected response's body."""
    latencies: list[float] = []
    unexpected: Counter[int | str] = Counter()
    clients = [await Connection.open(url) for _ in range(connections)]
    measuring_from = time.perf_counter() + seconds / 10
    end = measuring_from + seconds

    async def loop(client: Connection) -> None:
        while (sent := time.perf_counter()) < end:
            status, body = await client.send(next_request())
            answered = time.perf_counter()
            if status not in expected:
                unexpected[status] += 1
                continue
            if seen is not None:
                seen(body)
            if sent >= measuring_from:
                latencies.append(answered - sent)

    await asyncio.gather(*(loop(client) for client in clients))
    elapsed = time.perf_counter() - measuring_from
    for client in clients:
        client.close()
    return Result(
        name,
        len(latencies) / elapsed,
        percentile(latencies, 50) * 1000,
        percentile(latencies, 99) * 1000,
        len(latencies),
        connections,
        dict(unexpected),
    )


def percentile(values: list[float], percent: int) -> float:
    """Nearest rank; 0 if there are no values."""
    if not values:
        return 0.0
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]
