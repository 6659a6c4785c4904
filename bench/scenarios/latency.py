"""From the commit of an event to the call of its handler, across two processes: one commits and relays, one handles."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from bench.child import Child
from bench.context import BenchContext
from bench.load import percentile
from bench.outboxes import bus_database
from bench.rows import Row

IDLE_PAUSE = (0.02, 0.08)
IDLE_EVENTS_PER_SECOND = 20
FULL_EVENTS_PER_SECOND = 500
WITHIN = 120


@dataclass(frozen=True, slots=True)
class Passage:
    """`latencies` in milliseconds; `rate` is events per second from the first commit to the last handling."""

    latencies: list[float]
    rate: float

    def row(self, name: str, target: float | None = None) -> Row:
        p50, p99 = percentile(self.latencies, 50), percentile(self.latencies, 99)
        detail = {
            "p50_ms": round(p50, 2),
            "p99_ms": round(p99, 2),
            "max_ms": round(max(self.latencies), 2),
            "events": len(self.latencies),
            "events_per_second": round(self.rate, 1),
        }
        return Row(name, p99, "ms (p99)", target=target, at_most=True, detail=detail)


async def latency(context: BenchContext) -> AsyncIterator[Row]:
    """Idle; as fast as possible, which defines full load; and at half of that."""
    idle = await _pass(context, max(60, int(IDLE_EVENTS_PER_SECOND * context.seconds)), IDLE_PAUSE)
    yield idle.row("commit to handler, idle", target=50.0)
    full = await _pass(context, int(FULL_EVENTS_PER_SECOND * context.seconds), (0.0, 0.0))
    yield Row("emit, relay, handle: a transaction per event", full.rate, "events/s")
    between = 2 / full.rate
    half = await _pass(context, max(100, int(full.rate / 2 * context.seconds)), (0.5 * between, 1.5 * between))
    yield half.row(f"commit to handler, at half load ({half.rate:.0f}/s)")


async def _pass(context: BenchContext, count: int, pause: tuple[float, float]) -> Passage:
    count -= count % 4
    async with bus_database(context) as database:
        common = {"database": database.url, "amqp": context.broker, "count": count}
        consumer_process = await Child.start("consume_timed", common)
        try:
            await consumer_process.line(WITHIN)
            committer = await Child.start("commit_timed", common | {"pause": pause})
            try:
                committed = (await committer.line(WITHIN))["committed"]
                handled = (await consumer_process.line(WITHIN))["handled"]
            finally:
                await committer.end()
        finally:
            await consumer_process.end()
    took = max(handled.values()) - min(committed.values())
    # An event may be handled before its commit has returned: that counts as zero.
    latencies = [max(0, handled[thing] - at) / 1e6 for thing, at in committed.items()]
    return Passage(latencies, count / took * 1e9)
