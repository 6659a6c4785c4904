"""Background work: jobs on a clock, tasks that live as long as a block, pauses between attempts."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from common import logs, metrics

log = logging.getLogger(__name__)


class Backoff:
    """Pauses in seconds between attempts: `Backoff(1, 5, 30)`. After the last one, it repeats."""

    def __init__(self, *seconds: float) -> None:
        self._seconds = seconds

    def after(self, failures: int) -> float:
        """The pause after so many failures in a row, counted from 1."""
        return self._seconds[min(max(failures, 1), len(self._seconds)) - 1]


OUTAGE_BACKOFF = Backoff(0.2, 0.5, 1.0, 2.0, 5.0)
"""The pauses while the broker or the database is unavailable."""


async def wait(event: asyncio.Event, seconds: float) -> bool:
    """Whether the event is set within `seconds`.

    Not asyncio.wait_for: before Python 3.12 it swallows a cancellation that arrives together with the event.
    """
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False


@asynccontextmanager
async def background(work: Mapping[str, Coroutine[Any, Any, None]]) -> AsyncIterator[list[asyncio.Task[None]]]:
    """Run coroutines, by name, as tasks while the block runs; at its end they are cancelled and awaited."""
    tasks = [asyncio.create_task(coroutine, name=name) for name, coroutine in work.items()]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


FAILED_JOB_BACKOFF = Backoff(1, 2, 4, 8, 16, 32, 60)


@dataclass(slots=True)
class Job:
    """Work on a clock: `run` every `every` seconds, and again at once while it reports that it did something (> 0).

    A failing run is logged and tried again later; it never ends the job.
    """

    name: str
    every: float
    run: Callable[[], Awaitable[int | None]]
    _woken: asyncio.Event = field(default_factory=asyncio.Event, init=False, repr=False)

    def wake(self) -> None:
        """Run soon instead of at the next tick; safe to call from `tx.after_commit`."""
        self._woken.set()

    async def pause(self, seconds: float) -> None:
        """Wait for `seconds`, or less when woken."""
        if await wait(self._woken, seconds):
            self._woken.clear()


@asynccontextmanager
async def run_jobs(service: str, jobs: Sequence[Job]) -> AsyncIterator[None]:
    """Run the jobs in the background while the block runs."""
    async with background({f"job:{job.name}": run_job(service, job) for job in jobs}):
        yield


async def run_job(service: str, job: Job) -> None:
    """Run a job until cancelled."""
    logs.service_name.set(service)
    failures = 0
    while True:
        done = await _run_once(service, job)
        failures = failures + 1 if done is None else 0
        # A job that found something to do looks again at once, but lets others have their turn.
        await job.pause(0 if done else _pause(job, failures))


def _pause(job: Job, failures: int) -> float:
    return min(job.every, FAILED_JOB_BACKOFF.after(failures)) if failures else job.every


async def _run_once(service: str, job: Job) -> int | None:
    """How many items the run did; None if it failed."""
    started = time.perf_counter()
    try:
        done = await job.run() or 0
    except Exception as error:
        # An unavailable dependency needs a line, not a stack trace per attempt.
        is_known = isinstance(error, ConnectionError | TimeoutError | httpx.TransportError)
        log.warning("job %s failed: %r", job.name, error, exc_info=None if is_known else error)
        metrics.JOB_RUNS.labels(service, job.name, "failed").inc()
        return None
    metrics.JOB_RUNS.labels(service, job.name, "done").inc()
    metrics.JOB_SECONDS.labels(service, job.name).observe(time.perf_counter() - started)
    return done
