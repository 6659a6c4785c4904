"""Runs the queued imports, one at a time in each process.

An attempt holds its import by a lease that every batch renews. A process that dies leaves the lease to end, and the
next attempt goes on after the last batch: a batch, its report and the progress are one transaction, so no row is
imported twice. The work of an import is `ImportExecutor.execute`; claiming, releasing and finishing it is what any
task needs.
"""

import asyncio
import logging
from datetime import timedelta

from catalog.imports.jobs.executor import ImportExecutor
from catalog.imports.store import imports as store
from catalog.imports.usecases.import_rows import ClaimLostError
from common import clock
from common.errors import DukanError, is_outage
from common.jobs import Job
from common.persistence.database import Database

log = logging.getLogger(__name__)

RUN_EVERY_SECONDS = 2.0
LEASE = timedelta(seconds=60)
RETRY_AFTER = timedelta(seconds=10)
MAX_ATTEMPTS = 20
RELEASE_SECONDS = 1.0


def run_imports_job(database: Database, executor: ImportExecutor) -> Job:
    async def run() -> int:
        async with database.begin() as tx:
            claim = await store.claim_next(tx, clock.now(), LEASE)
        if claim is None:
            return 0
        await _attempt(database, executor, claim)
        return 1

    return Job("catalog.imports", RUN_EVERY_SECONDS, run)


async def _attempt(database: Database, executor: ImportExecutor, claim: store.Claim) -> None:
    try:
        await executor.execute(claim, LEASE)
    except ClaimLostError:
        log.info("import %s was revoked or is run elsewhere", claim.import_id)
    except DukanError as error:
        await _finish(database, claim, "FAILURE", (error.code, error.message))
    except asyncio.CancelledError:
        # The process stops: another one goes on at once instead of after the lease.
        await _release(database, claim, "interrupted")
        raise
    except Exception as error:
        if is_outage(error):
            raise
        await _fail(database, claim, error)
    else:
        await _finish(database, claim, "SUCCESS")


async def _fail(database: Database, claim: store.Claim, error: Exception) -> None:
    log.error("attempt %d of import %s failed", claim.attempts, claim.import_id, exc_info=error)
    if claim.attempts >= MAX_ATTEMPTS:
        await _finish(database, claim, "FAILURE", (DukanError.code, DukanError.message))
        return
    async with database.begin() as tx:
        await store.release(tx, claim, "an attempt failed, the next one goes on", clock.now() + RETRY_AFTER)


async def _finish(database: Database, claim: store.Claim, status: str, error: tuple[str, str] | None = None) -> None:
    async with database.begin() as tx:
        await store.finish(tx, claim, status, error, clock.now())


async def _release(database: Database, claim: store.Claim, note: str) -> None:
    try:
        async with asyncio.timeout(RELEASE_SECONDS), database.begin() as tx:
            await store.release(tx, claim, note, None)
    except (TimeoutError, OSError):
        log.warning("import %s was not released: the next attempt begins when its lease ends", claim.import_id)
