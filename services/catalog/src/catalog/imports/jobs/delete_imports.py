"""Deletes finished imports with their reports."""

from datetime import timedelta

from catalog.imports.store import imports as store
from common import clock
from common.jobs import Job
from common.persistence.database import Database

DELETE_EVERY_SECONDS = 600.0
DELETE_BATCH = 5


def delete_imports_job(database: Database, retention: timedelta) -> Job:
    """A few at a time: each may have 100,000 rows."""

    async def run() -> int:
        async with database.begin() as tx:
            return await store.delete_finished(tx, clock.now() - retention, DELETE_BATCH)

    return Job("catalog.old-imports", DELETE_EVERY_SECONDS, run)
