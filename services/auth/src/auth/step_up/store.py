"""When the owner of a session last authenticated."""

from uuid import UUID

from auth.step_up.domain import MAX_AUTH_AGE
from common import clock
from common.persistence.transaction import Transaction

HAS_RECENT_AUTH = """
SELECT EXISTS (SELECT FROM session WHERE id = $1 AND account_id = $2 AND ended_at IS NULL AND proved_at > $3)
"""
SAVE_AUTH = "UPDATE session SET proved_at = $3 WHERE id = $1 AND account_id = $2 AND ended_at IS NULL"


async def has_recent_auth(tx: Transaction, account_id: UUID, session_id: UUID) -> bool:
    return bool(await tx.sql.fetchval(HAS_RECENT_AUTH, session_id, account_id, clock.now() - MAX_AUTH_AGE))


async def save_auth(tx: Transaction, account_id: UUID, session_id: UUID) -> None:
    await tx.sql.execute(SAVE_AUTH, session_id, account_id, clock.now())
