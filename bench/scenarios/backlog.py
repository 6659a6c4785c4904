"""A long outbox, as after an outage of the broker: how fast the relay drains it, and in how much memory."""

from collections.abc import AsyncIterator

from bench.child import run
from bench.context import BenchContext
from bench.outboxes import bus_database, fill
from bench.rows import Row

SIZES = (20_000, 200_000)
WITHIN = 300


async def backlog(context: BenchContext) -> AsyncIterator[Row]:
    """One row per size; for a larger curve, add a size."""
    for size in SIZES:
        async with bus_database(context) as database:
            await fill(database, size)
            done = await run("relay", {"database": database.url, "amqp": context.broker}, within=WITHIN)
        detail = {
            "curve": {"plot": "backlog", "line": "relay", "x": size, "x_label": "rows", "y_label": "rows per second"},
            "seconds": round(done["seconds"], 2),
            "cpu_us_each": round(done["cpu"] / done["count"] * 1e6, 1),
            "relay_peak_mb": round(done["peak_mb"], 1),
        }
        note = f"in {done['seconds']:.1f} s; the relay's process at most {done['peak_mb']:.0f} MB"
        yield Row(f"outbox of {size:,} drained", done["count"] / done["seconds"], "rows/s", note=note, detail=detail)
