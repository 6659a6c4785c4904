"""What auth does on a clock."""

from datetime import timedelta

from auth.signing_keys.jobs import build_rotation_job
from auth.usecases.collect_export import end_exports
from auth.usecases.erase_accounts import erase_accounts
from auth.usecases.purge import purge
from auth.vault import Vault
from common.jobs import Job
from common.persistence.database import Database

HOUR = 3600.0
HALF_A_MINUTE = 30.0


def build_jobs(database: Database, vault: Vault, keep_audit: timedelta, *, keep_deleted: timedelta) -> list[Job]:
    async def forget() -> int:
        async with database.begin() as tx:
            return await purge(tx, keep_audit)

    async def erase() -> int:
        async with database.begin() as tx:
            return await erase_accounts(tx, keep_deleted)

    async def exports() -> int:
        async with database.begin() as tx:
            return await end_exports(tx)

    return [
        build_rotation_job(database, vault),
        Job("auth.purge", HOUR, forget),
        Job("auth.erase", HOUR, erase),
        Job("auth.exports", HALF_A_MINUTE, exports),
    ]
