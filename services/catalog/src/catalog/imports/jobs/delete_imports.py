"""Deletes finished imports with their reports."""

from datetime import timedelta

from catalog.imports.store import imports as store
from common import clock
from common.jobs import Job
from common.persistence.database import Database

DELETE_EVERY_SECONDS = 600.0


def delete_imports_job(database: Database, retention: timedelta) -> Job:
    """One at a time: each may have 100,000 rows."""

    async def run() -> int:
        async with database.begin() as tx:
            return await store.delete_finished(tx, clock.now() - retention, limit=1)

    return Job("catalog.old-imports", DELETE_EVERY_SECONDS, run)
