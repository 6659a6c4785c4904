"""auth's background work, on a clock."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from auth.audit.usecases import purge_audit
from auth.data_export.usecases import end_exports
from auth.email_confirmation.usecases.request_code import purge_codes
from auth.providers.vault import Vault
from auth.sessions.usecases.end_sessions import purge_sessions
from auth.throttle.usecases import purge_throttle
from auth.usecases.rotate_keys import rotate_when_due
from auth.users.usecases import erase_accounts
from common import clock
from common.jobs import Job
from common.persistence.database import Database
from common.persistence.transaction import Transaction

HOUR_SECONDS = 3600.0
EXPORTS_SECONDS = 30.0

DELETE_CHALLENGES = "DELETE FROM passkey_challenge WHERE expires_at < $1"
DELETE_FLOWS = """
DELETE FROM oidc_flow WHERE state_hash IN (SELECT state_hash FROM oidc_flow WHERE expires_at < $1 LIMIT 5000)
"""


def build_jobs(database: Database, vault: Vault, keep_audit: timedelta, *, keep_deleted: timedelta) -> list[Job]:
    def job(name: str, every_seconds: float, work: Callable[[Transaction], Awaitable[int]]) -> Job:
        async def run() -> int:
            async with database.begin() as tx:
                return await work(tx)

        return Job(name, every_seconds, run)

    async def rotate(tx: Transaction) -> int:
        return int(await rotate_when_due(tx, vault))

    async def purge_all(tx: Transaction) -> int:
        return await purge(tx, keep_audit)

    async def erase(tx: Transaction) -> int:
        return await erase_accounts(tx, keep_deleted)

    return [
        job("auth.keys", HOUR_SECONDS, rotate),
        job("auth.purge", HOUR_SECONDS, purge_all),
        job("auth.erase", HOUR_SECONDS, erase),
        job("auth.exports", EXPORTS_SECONDS, end_exports),
    ]


async def purge(tx: Transaction, keep_audit: timedelta) -> int:
    """Delete one batch of old rows from each table; returns how many were deleted."""
    deleted = (
        await purge_sessions(tx),
        await purge_throttle(tx),
        await purge_audit(tx, keep_audit),
        await purge_codes(tx, keep_audit),
    )
    statuses = [await tx.sql.execute(statement, clock.now()) for statement in (DELETE_CHALLENGES, DELETE_FLOWS)]
    return sum(deleted) + sum(int(status.split()[-1]) for status in statuses)
