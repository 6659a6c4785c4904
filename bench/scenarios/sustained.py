"""Checkouts confirmed at a steady rate: whether the platform keeps up, for a minute, without a growing backlog."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from bench.backlog import Backlog, BacklogMonitor, mean
from bench.context import BenchContext
from bench.load import percentile
from bench.procfs import CpuMeter, everything
from bench.rows import Reference, Row
from bench.seed import SeedData, settle
from bench.steady import Customers, Sent

TARGET = 400.0
LOOK_EVERY = 2.0
PROBE_SECONDS = 15.0
MAX_PROBES = 8
FINEST_STEP = 20.0
SLACK_SECONDS = 0.5
GROWING = 1.25

CONFIRMED = """
SELECT count(*) AS placed, count(confirmed_at) AS confirmed,
       count(*) FILTER (WHERE confirmed_at BETWEEN $2 AND $3) AS within,
       coalesce(percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds), 0)::float8 AS p50,
       coalesce(percentile_cont(0.99) WITHIN GROUP (ORDER BY seconds), 0)::float8 AS p99
FROM (
    SELECT confirmed_at, extract(epoch FROM confirmed_at - created_at) AS seconds
    FROM orders o LEFT JOIN LATERAL (
        SELECT min(at) AS confirmed_at FROM order_step s WHERE s.order_id = o.id AND s.status = 'confirmed'
    ) step ON true
    WHERE created_at >= $1
) each
"""


@dataclass(frozen=True, slots=True)
class Run:
    """`rate` is the target; `confirmed` per second is the result after the first tenth of the time."""

    rate: float
    confirmed: float
    placed: int
    never: int
    p50: float
    p99: float
    sent: Sent
    looks: Sequence[Backlog]
    drained: float
    cpu: dict[str, float]

    @property
    def thirds(self) -> tuple[Sequence[Backlog], Sequence[Backlog], Sequence[Backlog]]:
        size = len(self.looks) // 3
        return self.looks[:size], self.looks[size : 2 * size], self.looks[2 * size :]

    @property
    def allowed(self) -> float:
        """The mean backlog of the middle third plus half a second's orders; up to a quarter more is not growth."""
        return mean(self.thirds[1]) + SLACK_SECONDS * self.rate

    @property
    def keeps_up(self) -> bool:
        return mean(self.thirds[2]) <= GROWING * self.allowed and self.confirmed >= 0.97 * self.rate

    @property
    def detail(self) -> dict[str, Any]:
        return {
            "asked_for": self.rate,
            "p50_ms": round(self.p50 * 1000, 1),
            "p99_ms": round(self.p99 * 1000, 1),
            "placed": self.placed,
            "never_confirmed": self.never,
            "statuses": dict(self.sent.statuses),
            "unanswered": self.sent.late,
            "seconds_until_all_were_final": round(self.drained, 1),
            "cpu_us_each": self.cpu["total"],
            "cpu_us": self.cpu,
            "series": [look.as_json() for look in self.looks],
        }


async def sustained(context: BenchContext) -> AsyncIterator[Row]:
    """With `search`, shorter runs first; then the rate for the whole time."""
    seed_data = await context.seed_data()
    await settle(seed_data)
    rate = context.confirmed_rate
    if context.search:
        probes = await _probe(context, seed_data)
        for probe in probes:
            yield Row(f"probe at {probe.rate:.0f}/s", probe.confirmed, "orders/s", note=_verdict(probe))
        rate = max((probe.rate for probe in probes if probe.keeps_up), default=rate)
    run = await _run(context, seed_data, rate, context.sustained_seconds)
    for row in _rows(run, context.sustained_seconds):
        yield row


def _rows(run: Run, seconds: float) -> list[Row]:
    first, middle, last = (looks[-1] if looks else run.looks[-1] for looks in run.thirds)
    limit = Reference("the middle third, and half a second's orders", run.allowed)
    client = run.sent.latencies
    sampled = {"samples": len(client), "p50_ms": round(percentile(client, 50) * 1000, 1)}
    return [
        Row(
            f"checkout confirmed, {run.rate:.0f}/s asked for {seconds:.0f} s",
            run.confirmed,
            "orders/s",
            target=TARGET,
            note=_verdict(run),
            detail=run.detail,
        ),
        Row("backlog in the last third", mean(run.thirds[2]), "", limit, GROWING, at_most=True),
        Row("backlog after one third", first.total, "", note=str(first)),
        Row("backlog after two thirds", middle.total, "", note=str(middle)),
        Row("backlog at the end", last.total, "", note=str(last)),
        Row("POST to confirmed, customers who waited", percentile(client, 99) * 1000, "ms (p99)", detail=sampled),
        Row("orders placed and never confirmed", run.never, "", target=0, at_most=True),
    ]


def _verdict(run: Run) -> str:
    unexpected = {status: n for status, n in run.sent.statuses.items() if status not in (201, 202)}
    said = "keeps up" if run.keeps_up else "does NOT keep up"
    return f"{said}; unexpected answers {unexpected}" if unexpected or run.sent.late else said


async def _probe(context: BenchContext, seed_data: SeedData) -> list[Run]:
    """Shorter runs: up in steps of a quarter while the platform keeps up, then by bisection."""
    probes: list[Run] = []
    good, bad, rate = 0.0, float("inf"), context.confirmed_rate
    while len(probes) < MAX_PROBES and bad - good > FINEST_STEP:
        probes.append(await _run(context, seed_data, rate, PROBE_SECONDS))
        good, bad = (rate, bad) if probes[-1].keeps_up else (good, rate)
        rate = good * 1.25 if bad == float("inf") else (good + bad) / 2
    return probes


async def _run(context: BenchContext, seed_data: SeedData, rate: float, seconds: float) -> Run:
    async with BacklogMonitor(context) as watch:
        looks: list[Backlog] = []
        over = asyncio.Event()
        looking = asyncio.create_task(_look(watch, looks, over))
        meter = CpuMeter(everything(context.platform.pid))
        started = await watch.orders.fetchval("SELECT clock_timestamp()")
        sending = asyncio.create_task(Customers(seed_data, rate).order(seconds))
        await asyncio.sleep(seconds)
        cpu = meter.per(rate * seconds)
        over.set()
        await looking
        ended = await watch.orders.fetchval("SELECT clock_timestamp()")
        sent = await sending
        drained = await settle(seed_data)
        counted_from = started + (ended - started) / 10
        found = await watch.orders.fetchrow(CONFIRMED, started, counted_from, ended)
    return Run(
        rate=rate,
        confirmed=found["within"] / (ended - counted_from).total_seconds(),
        placed=found["placed"],
        never=found["placed"] - found["confirmed"],
        p50=found["p50"],
        p99=found["p99"],
        sent=sent,
        looks=looks,
        drained=drained,
        cpu=cpu,
    )


async def _look(watch: BacklogMonitor, looks: list[Backlog], over: asyncio.Event) -> None:
    """At intervals, and once more at the end."""
    while not over.is_set():
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_EVERY):
                await over.wait()
        looks.append(await watch.look())
