"""Relay and consumers: CPU and rate, beside raw aio-pika and Celery doing the same. Each in a process of its own."""

import statistics
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from bench import celery_worker
from bench.child import run
from bench.outboxes import bus_database, delete_queue, fetch, fill
from bench.rows import Reference, Row, missing
from bench.stage import Stage
from common.persistence.database import Database

ROUNDS = 2
RAW_QUEUE = "bench.raw.v1"
CELERY_QUEUE = "bench.celery.v1"
WITHIN = 150

OURS, RAW, CELERY, ALONE = "dukan", "raw aio-pika", "Celery", "dukan, a transaction per event"
PER_SECOND = {OURS: 3000, RAW: 5000, CELERY: 700, ALONE: 1000}
"""How many messages per second of measuring, so that each takes about as long."""

Figures = Mapping[str, float]


async def bus(stage: Stage) -> AsyncIterator[Row]:
    """Publish rows, then consume rows."""
    published: dict[str, list[Figures]] = defaultdict(list)
    consumed: dict[str, list[Figures]] = defaultdict(list)
    for _ in range(ROUNDS):
        for name, figures in ((OURS, _ours), (RAW, _raw), (CELERY, _celery), (ALONE, _alone)):
            count = max(500, int(PER_SECOND[name] * stage.seconds / ROUNDS))
            if (both := await figures(stage, count)) is not None:
                published[name].append(both[0])
                consumed[name].append(both[1])
    for row in _publishing(published):
        yield row
    for row in _consuming(consumed):
        yield row


async def _ours(stage: Stage, count: int, *, batched: bool = True) -> tuple[Figures, Figures] | None:
    async with bus_database(stage) as database:
        await fill(database, count)
        arguments: dict[str, Any] = {"database": database.url, "amqp": stage.broker}
        relayed = await run("relay", arguments, within=WITHIN)
        handled = await run("dispatch", arguments | {"count": count, "batched": batched}, within=WITHIN)
        await _check(database, count)
    return relayed, handled


async def _alone(stage: Stage, count: int) -> tuple[Figures, Figures] | None:
    return await _ours(stage, count, batched=False)


async def _raw(stage: Stage, count: int) -> tuple[Figures, Figures] | None:
    arguments = {"amqp": stage.broker, "queue": RAW_QUEUE, "count": count}
    try:
        published = await run("raw", arguments | {"what": "publish"}, within=WITHIN)
        return published, await run("raw", arguments | {"what": "consume"}, within=WITHIN)
    finally:
        await delete_queue(stage.broker, RAW_QUEUE)


async def _celery(stage: Stage, count: int) -> tuple[Figures, Figures] | None:
    if stage.rivals is None:
        return None
    try:
        async with bus_database(stage) as database:
            given = celery_worker.variables(database, stage.broker)
            published = await run("celery_publish", {"count": count}, within=WITHIN, python=stage.rivals, env=given)
            folder = stage.folder("celery")
            done = await celery_worker.work(stage.rivals, folder, database, stage.broker, count)
            await _check(database, count)
        return published, done
    finally:
        await delete_queue(stage.broker, CELERY_QUEUE)


async def _check(database: Database, count: int) -> None:
    """A figure counts only when every effect happened once."""
    row = await fetch(database, "SELECT (SELECT sum(sold) FROM shelf) AS sold, (SELECT count(*) FROM inbox) AS seen")
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
