"""Deletes old changes."""

from catalog.page_cache.usecases import delete_old_changes
from common import clock
from common.jobs import Job
from common.persistence.database import Database

DELETE_EVERY_SECONDS = 600.0


def delete_changes_job(database: Database) -> Job:
    async def run() -> int:
        async with database.begin() as tx:
            return await delete_old_changes(tx, clock.now())

    return Job("catalog.changes", DELETE_EVERY_SECONDS, run)
