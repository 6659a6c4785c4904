"""Rotates the signing keys when it is time."""

from auth.signing_keys.usecases import rotate_if_due
from auth.vault import Vault
from common.jobs import Job
from common.persistence.database import Database

CHECK_SECONDS = 3600.0


def build_rotation_job(database: Database, vault: Vault) -> Job:
    async def rotate() -> int:
        async with database.begin() as tx:
            return int(await rotate_if_due(tx, vault))

    return Job("auth.keys", CHECK_SECONDS, rotate)
