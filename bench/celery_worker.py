"""A Celery worker as a child process, and its progress."""

import asyncio
import os
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from bench.child import TREE, ChildError
from bench.outboxes import fetch
from bench.procfs import cpu_seconds, tree
from common.persistence.database import Database
from dukan.children import end, spawn

MAX_SECONDS = 120
POLL_SECONDS = 0.05
WORKER = ("-m", "celery", "--app", "bench.processes.celery_tasks", "worker", "--pool", "prefork", "--concurrency", "1")
QUIET = ("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "ERROR")
DONE = """
SELECT count(*) AS done, coalesce(extract(epoch FROM max(accepted_at) - min(accepted_at)), 0)::float8 AS seconds
FROM inbox WHERE consumer = 'bench.celery'
"""


def variables(database: Database, amqp: str) -> Mapping[str, str]:
    """The environment of the tasks, their worker and their publisher."""
    return {"BENCH_DATABASE_URL": database.url, "BENCH_AMQP_URL": amqp, "PYTHONPATH": str(TREE)}


async def work(python: Path, folder: Path, database: Database, amqp: str, count: int) -> Mapping[str, float]:
    """Run one worker process (and its parent) until the queue is empty; count, seconds and CPU seconds."""
    with (folder / "celery.log").open("wb") as log:
        worker = spawn([str(python), *WORKER, *QUIET], log, {**os.environ, **variables(database, amqp)})
    try:
        return await _measure(worker, database, count)
    finally:
        await asyncio.to_thread(end, worker, 10)


async def _measure(worker: "subprocess.Popen[bytes]", database: Database, count: int) -> Mapping[str, float]:
    """CPU from the first poll with progress; the rate from the timestamps of the transactions."""
    deadline = time.monotonic() + MAX_SECONDS
    before: tuple[int, float] | None = None
    while time.monotonic() < deadline and worker.poll() is None:
        row = await fetch(database, DONE)
        if row["done"]:
            spent = cpu_seconds(tree(worker.pid))
            before = before or (row["done"], spent)
            if row["done"] >= count:
                cpu = (spent - before[1]) / max(1, count - before[0]) * count
                return {"count": count, "seconds": row["seconds"], "cpu": cpu}
        await asyncio.sleep(POLL_SECONDS)
    raise ChildError("the Celery worker did not do its work")
