"""Running clocked jobs: supervised, so that a failing run is logged and tried again, and stopped promptly."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import httpx

from common import logs, metrics
from common.service import Job

log = logging.getLogger(__name__)

LONGEST_BACKOFF = 60.0


@asynccontextmanager
async def running(service: str, jobs: Sequence[Job]) -> AsyncIterator[None]:
    """The jobs run in the background while the block does."""
    tasks = [asyncio.create_task(keep_running(service, job), name=f"job:{job.name}") for job in jobs]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def keep_running(service: str, job: Job) -> None:
    """Run a job until cancelled."""
    logs.serving.set(service)
    failures = 0
    while True:
        did = await _run_once(service, job)
        failures = failures + 1 if did is None else 0
        # A job that found something to do looks again at once, but lets others have their turn.
        await job.pause(0 if did else _rest(job, failures))


def _rest(job: Job, failures: int) -> float:
    backoff = min(LONGEST_BACKOFF, 0.5 * 2 ** min(failures, 10))
    return min(job.every, backoff) if failures else job.every


async def _run_once(service: str, job: Job) -> int | None:
    """How much the run did; None when it failed."""
    started = time.perf_counter()
    try:
        did = await job.run() or 0
    except Exception as error:
        # A dependency that is away needs a line, not a stack trace per attempt.
        away = isinstance(error, ConnectionError | TimeoutError | httpx.TransportError)
        log.warning("job %s failed: %r", job.name, error, exc_info=None if away else error)
        metrics.JOB_RUNS.labels(service, job.name, "failed").inc()
        return None
    metrics.JOB_RUNS.labels(service, job.name, "done").inc()
    metrics.JOB_SECONDS.labels(service, job.name).observe(time.perf_counter() - started)
    return did
