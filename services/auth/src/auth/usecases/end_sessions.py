"""Ending sessions: their tokens are refused everywhere from now on."""

from datetime import datetime
from uuid import UUID

import asyncpg

from auth.usecases.open_session import digest
from common import clock
from common.contracts.auth import SessionRevoked
from common.persistence.transaction import Transaction

END_ONE = """
UPDATE session SET ended_at = $2, end_reason = $3 WHERE id = $1 AND ended_at IS NULL
RETURNING id, account_id, access_expires_at
"""
END_ALL = """
UPDATE session SET ended_at = $2, end_reason = $3
WHERE id IN (SELECT id FROM session WHERE account_id = $1 AND ended_at IS NULL AND id IS DISTINCT FROM $4
             ORDER BY id FOR UPDATE)
RETURNING id, account_id, access_expires_at
"""
END_ON_DEVICE = """
UPDATE session SET ended_at = $2, end_reason = $3
WHERE id IN (SELECT id FROM session WHERE device_id = $1 AND ended_at IS NULL ORDER BY id FOR UPDATE)
RETURNING id, account_id, access_expires_at
"""
END_ANY = """
UPDATE session SET ended_at = $1, end_reason = $2
WHERE id IN (SELECT id FROM session WHERE ended_at IS NULL AND created_at <= $3 ORDER BY id LIMIT $4 FOR UPDATE)
RETURNING id, account_id, access_expires_at
"""
OWNER = """
SELECT session.id, account_id FROM session JOIN refresh_token ON session_id = session.id WHERE hash = $1
"""


async def end_session(tx: Transaction, session_id: UUID, reason: str) -> list[SessionRevoked]:
    """End it, unless it has ended before."""
    return _revoked(tx, await tx.sql.fetch(END_ONE, session_id, clock.now(), reason), reason)


async def end_sessions_of(
    tx: Transaction, account_id: UUID, reason: str, *, but: UUID | None = None
) -> list[SessionRevoked]:
    """End all sessions of an account, `but` one where it is given."""
    return _revoked(tx, await tx.sql.fetch(END_ALL, account_id, clock.now(), reason, but), reason)


async def end_sessions_on(tx: Transaction, device_id: UUID, reason: str) -> list[SessionRevoked]:
    """End the sessions of a device."""
    return _revoked(tx, await tx.sql.fetch(END_ON_DEVICE, device_id, clock.now(), reason), reason)


async def end_any_sessions(tx: Transaction, begun_by: datetime, most: int, reason: str) -> list[SessionRevoked]:
    """End sessions of whoever, `most` at a time so that no transaction lasts; call it until it ends none."""
    return _revoked(tx, await tx.sql.fetch(END_ANY, clock.now(), reason, begun_by, most), reason)


async def session_of(tx: Transaction, refresh_token: str, account_id: UUID | None) -> UUID | None:
    """The session that a refresh token belongs to; None when it is unknown or another's than `account_id`'s."""
    owner = await tx.sql.fetchrow(OWNER, digest(refresh_token))
    return owner["id"] if owner and account_id in (None, owner["account_id"]) else None


def _revoked(tx: Transaction, rows: list[asyncpg.Record], reason: str) -> list[SessionRevoked]:
    ended = [
        SessionRevoked(
            session_id=row["id"], user_id=row["account_id"], expires_at=row["access_expires_at"], reason=reason
        )
        for row in rows
    ]
    for event in ended:
        tx.publish(event)
    return ended
