"""Forgetting what no longer matters."""

from datetime import timedelta

from auth.domain.refresh import IDLE
from auth.oidc.usecases.pending_logins import delete_expired_logins
from auth.passkeys.usecases.verify_passkey import delete_expired_challenges
from common import clock
from common.persistence.transaction import Transaction

# Ended sessions stay for a month, so that people can see where they were signed in.
SESSIONS = """
DELETE FROM session WHERE id IN (
    SELECT id FROM session WHERE expires_at < $1 OR ended_at < $1 OR seen_at < $2 LIMIT 1000)
"""
DEVICES = """
DELETE FROM device WHERE id IN (
    SELECT id FROM device WHERE seen_at < $1 AND NOT EXISTS (SELECT FROM session WHERE device_id = device.id)
    LIMIT 1000)
"""
THROTTLES = "DELETE FROM throttle WHERE coalesce(greatest(last_at, blocked_until), '-infinity') < $1"
AUDIT = "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at < $1 LIMIT 5000)"

CODES = "DELETE FROM one_time_code WHERE id IN (SELECT id FROM one_time_code WHERE created_at < $1 LIMIT 5000)"

SHOWN = timedelta(days=30)
REMEMBERED = timedelta(days=180)
"""How long a device stays known that nobody signs in on."""


async def purge(tx: Transaction, keep_audit: timedelta) -> int:
    """One batch; how many rows went."""
    now = clock.now()
    deleted = (
        await tx.sql.execute(SESSIONS, now - SHOWN, now - SHOWN - IDLE),
        await tx.sql.execute(DEVICES, now - REMEMBERED),
        await tx.sql.execute(THROTTLES, now - timedelta(days=1)),
        await tx.sql.execute(AUDIT, now - keep_audit),
        await tx.sql.execute(CODES, now - keep_audit),
    )
    expired = await delete_expired_challenges(tx) + await delete_expired_logins(tx)
    return expired + sum(int(status.split()[-1]) for status in deleted)
