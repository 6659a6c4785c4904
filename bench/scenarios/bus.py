"""Relay and consumers: CPU and rate, beside raw aio-pika and Celery. Each in a process of its own."""

import statistics
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from bench import celery_worker
from bench.child import run
from bench.context import BenchContext
from bench.outboxes import bus_database, delete_queue, fetch, fill
from bench.rows import Reference, Row, missing
from common.persistence.database import Database

ROUNDS = 2
RAW_QUEUE = "bench.raw.v1"
CELERY_QUEUE = "bench.celery.v1"
WITHIN = 150

OURS, RAW, CELERY, ALONE = "dukan", "raw aio-pika", "Celery", "dukan, a transaction per event"
PER_SECOND = {OURS: 3000, RAW: 5000, CELERY: 700, ALONE: 1000}
"""Messages per second of measuring, so that each takes about as long."""

Figures = Mapping[str, float]


async def bus(context: BenchContext) -> AsyncIterator[Row]:
    """Publish rows, then consume rows."""
    published: dict[str, list[Figures]] = defaultdict(list)
    consumed: dict[str, list[Figures]] = defaultdict(list)
    for _ in range(ROUNDS):
        for name, figures in ((OURS, _ours), (RAW, _raw), (CELERY, _celery), (ALONE, _alone)):
            count = max(500, int(PER_SECOND[name] * context.seconds / ROUNDS))
            if (both := await figures(context, count)) is not None:
                published[name].append(both[0])
                consumed[name].append(both[1])
    for row in _publishing(published):
        yield row
    for row in _consuming(consumed):
        yield row


async def _ours(context: BenchContext, count: int, *, batched: bool = True) -> tuple[Figures, Figures] | None:
    async with bus_database(context) as database:
        await fill(database, count)
        arguments: dict[str, Any] = {"database": database.url, "amqp": context.broker}
        relayed = await run("relay", arguments, within=WITHIN)
        handled = await run("dispatch", arguments | {"count": count, "batched": batched}, within=WITHIN)
        await _check(database, count)
    return relayed, handled


async def _alone(context: BenchContext, count: int) -> tuple[Figures, Figures] | None:
    return await _ours(context, count, batched=False)


async def _raw(context: BenchContext, count: int) -> tuple[Figures, Figures] | None:
    arguments = {"amqp": context.broker, "queue": RAW_QUEUE, "count": count}
    try:
        published = await run("raw", arguments | {"what": "publish"}, within=WITHIN)
        return published, await run("raw", arguments | {"what": "consume"}, within=WITHIN)
    finally:
        await delete_queue(context.broker, RAW_QUEUE)


async def _celery(context: BenchContext, count: int) -> tuple[Figures, Figures] | None:
    if context.rivals is None:
        return None
    try:
        async with bus_database(context) as database:
            given = celery_worker.variables(database, context.broker)
            published = await run("celery_publish", {"count": count}, within=WITHIN, python=context.rivals, env=given)
            folder = context.folder("celery")
            done = await celery_worker.work(context.rivals, folder, database, context.broker, count)
            await _check(database, count)
        return published, done
    finally:
        await delete_queue(context.broker, CELERY_QUEUE)


async def _check(database: Database, count: int) -> None:
    """A result counts only if every effect happened once."""
    row = await fetch(database, "SELECT (SELECT sum(sold) FROM product) AS sold, (SELECT count(*) FROM inbox) AS seen")
    if (row["sold"], row["seen"]) != (count, count):
        raise AssertionError(f"{count} messages had {row['sold']} effects, {row['seen']} in the inbox")


def _publishing(found: Mapping[str, Sequence[Figures]]) -> list[Row]:
    ours = [*found[OURS], *found[ALONE]]
    raw = _row("raw aio-pika: publishes, confirmed, 256 in flight", found[RAW])
    rows = [raw, _row("relay: outbox to confirmed", ours, raw, target=0.5)]
    if not found[CELERY]:
        return [*rows, missing("relay against Celery", "messages/s", "Celery could not be installed")]
    celery = _row("Celery: tasks sent, confirmed, one client", found[CELERY])
    return [*rows, celery, _row("relay: outbox to confirmed", ours, celery, target=3.0)]


def _consuming(found: Mapping[str, Sequence[Figures]]) -> list[Row]:
    raw = _row("raw aio-pika: consume and acknowledge", found[RAW])
    batched, alone = "consume, inbox and effect, in batches", "consume, inbox and effect, a transaction per event"
    rows = [raw, _row(batched, found[OURS], raw), _row(alone, found[ALONE], raw)]
    if not found[CELERY]:
        return [*rows, missing("consume against Celery", "messages/s", "Celery could not be installed")]
    celery = _row("Celery: task with the same transaction, one worker process", found[CELERY])
    return [*rows, celery, _row(batched, found[OURS], celery, target=2.0), _row(alone, found[ALONE], celery)]


def _row(name: str, runs: Sequence[Figures], reference: Row | None = None, target: float | None = None) -> Row:
    """The median of the runs' rates."""
    rates = [run["count"] / run["seconds"] for run in runs]
    cpu = statistics.median(run["cpu"] / run["count"] for run in runs) * 1e6
    detail = {"cpu_us_each": round(cpu, 1), "runs": [round(rate, 1) for rate in rates]}
    compared = Reference(reference.name, reference.value) if reference and reference.value else None
    return Row(name, statistics.median(rates), "messages/s", compared, target, detail=detail)
