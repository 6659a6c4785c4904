"""Ending sessions: every verifier rejects their tokens from now on."""

from datetime import datetime
from uuid import UUID

import asyncpg

from auth.sessions.domain import IDLE_LIFETIME, KEEP_ENDED_FOR, KEEP_UNUSED_DEVICES_FOR
from auth.sessions.store.reads import count_other_sessions, find_by_refresh_token
from auth.sessions.store.writes import (
    delete_devices,
    delete_sessions,
    end_batch,
    end_of_account,
    end_on_device,
    end_one,
)
from auth.tokens import digest
from common import clock
from common.contracts.auth import SessionRevoked
from common.persistence.transaction import Transaction

__all__ = [
    "count_other_sessions",
    "end_any_sessions",
    "end_session",
    "end_sessions_of",
    "end_sessions_on",
    "purge_sessions",
    "session_of",
]


async def end_session(tx: Transaction, session_id: UUID, reason: str) -> list[SessionRevoked]:
    """Empty if it has ended before."""
    return _publish_revoked(tx, await end_one(tx, session_id, clock.now(), reason), reason)


async def end_sessions_of(
    tx: Transaction, account_id: UUID, reason: str, *, but: UUID | None = None
) -> list[SessionRevoked]:
    """End all sessions of an account except `but`."""
    return _publish_revoked(tx, await end_of_account(tx, account_id, clock.now(), reason, but=but), reason)


async def end_sessions_on(tx: Transaction, device_id: UUID, reason: str) -> list[SessionRevoked]:
    return _publish_revoked(tx, await end_on_device(tx, device_id, clock.now(), reason), reason)


async def end_any_sessions(tx: Transaction, created_by: datetime, limit: int, reason: str) -> list[SessionRevoked]:
    """End up to `limit` sessions of all accounts, so that transactions stay short; call it until it ends none."""
    return _publish_revoked(tx, await end_batch(tx, clock.now(), reason, created_by, limit), reason)


async def session_of(tx: Transaction, refresh_token: str, account_id: UUID | None) -> UUID | None:
    """The session of a refresh token; None if it is unknown or belongs to another account than `account_id`."""
    owner = await find_by_refresh_token(tx, digest(refresh_token))
    return owner["id"] if owner and account_id in (None, owner["account_id"]) else None


async def purge_sessions(tx: Transaction) -> int:
    """Delete one batch each of old sessions and unused devices; returns how many rows were deleted."""
    now = clock.now()
    before = now - KEEP_ENDED_FOR
    sessions = await delete_sessions(tx, ended_before=before, unseen_since=before - IDLE_LIFETIME)
    return sessions + await delete_devices(tx, unseen_since=now - KEEP_UNUSED_DEVICES_FOR)


def _publish_revoked(tx: Transaction, rows: list[asyncpg.Record], reason: str) -> list[SessionRevoked]:
    ended = [
        SessionRevoked(
            session_id=row["id"], user_id=row["account_id"], expires_at=row["access_expires_at"], reason=reason
        )
        for row in rows
    ]
    for event in ended:
        tx.publish(event)
    return ended
