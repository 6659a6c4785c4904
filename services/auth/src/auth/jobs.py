"""auth's background work, on a clock."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from auth.audit.usecases import purge_audit
from auth.data_export.usecases import end_exports
from auth.email_confirmation.usecases.request_code import purge_codes
from auth.oidc.usecases.pending_logins import delete_expired_logins
from auth.passkeys.usecases.verify_passkey import delete_expired_challenges
from auth.sessions.usecases.end_sessions import purge_sessions
from auth.signing_keys.jobs import build_rotation_job
from auth.throttle.usecases import purge_throttle
from auth.users.usecases import erase_accounts
from auth.vault import Vault
from common.jobs import Job
from common.persistence.database import Database
from common.persistence.transaction import Transaction

HOUR_SECONDS = 3600.0
EXPORTS_SECONDS = 30.0


def build_jobs(database: Database, vault: Vault, keep_audit: timedelta, *, keep_deleted: timedelta) -> list[Job]:
    def job(name: str, every_seconds: float, work: Callable[[Transaction], Awaitable[int]]) -> Job:
        async def run() -> int:
            async with database.begin() as tx:
                return await work(tx)

        return Job(name, every_seconds, run)

    async def purge_all(tx: Transaction) -> int:
        return await purge(tx, keep_audit)

    async def erase(tx: Transaction) -> int:
        return await erase_accounts(tx, keep_deleted)

    return [
        build_rotation_job(database, vault),
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
        await delete_expired_challenges(tx),
        await delete_expired_logins(tx),
    )
    return sum(deleted)
