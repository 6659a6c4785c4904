"""Exchanging a refresh token for the next one and a new access token."""

from datetime import datetime
from uuid import UUID

import asyncpg

from auth.accounts.usecases import find_account
from auth.audit.usecases import record_audit
from auth.clients import Client
from auth.errors import RefreshTokenInvalid
from auth.services import AuthServices
from auth.sessions.domain import PresentedToken, Rotation, refresh_expiry
from auth.sessions.store.writes import (
    insert_refresh_token,
    lock_session_of,
    mark_rotated,
    mark_seen,
    presented_token,
)
from auth.sessions.usecases.end_sessions import end_session
from auth.sessions.usecases.open_session import TokenPair, issue_access
from auth.tokens import digest
from common import clock
from common.persistence.transaction import Transaction


async def refresh_session(tx: Transaction, token: str, client: Client, services: AuthServices) -> TokenPair:
    """Raises RefreshTokenInvalid; reuse of an old token ends the session."""
    session = await lock_session_of(tx, digest(token))
    if session is None:
        raise RefreshTokenInvalid
    if session["ended_at"] is not None:
        raise await _rejection(tx, session, client, "session_ended")
    row = await presented_token(tx, digest(token))
    presented = PresentedToken(row["issued_at"], row["rotated_at"], row["child_rotated_at"] is not None)
    child = services.vault.child_of(token)
    match presented.rotation(session["expires_at"], now := clock.now()):
        case Rotation.EXPIRED:
            raise await _rejection(tx, session, client, "expired")
        case Rotation.REUSED:
            await end_session(tx, session["id"], "refresh_token_reused")
            raise await _rejection(tx, session, client, "reused")
        case Rotation.ROTATE:
            await _rotate(tx, token, child, session["id"], now)
            issued_at = now
        case Rotation.REPEAT:
            issued_at = row["child_issued_at"]
    return await _token_pair(tx, session, child, issued_at, services=services, client=client)


async def _rotate(tx: Transaction, token: str, child: str, session_id: UUID, now: datetime) -> None:
    await mark_rotated(tx, digest(token), now)
    await insert_refresh_token(tx, digest(child), session_id, parent=digest(token), issued_at=now)


async def _token_pair(
    tx: Transaction,
    session: asyncpg.Record,
    child: str,
    issued_at: datetime,
    *,
    services: AuthServices,
    client: Client,
) -> TokenPair:
    account = await find_account(tx, session["account_id"])
    if account is None:
        raise RefreshTokenInvalid
    access = await issue_access(tx, account, session["id"], services.signer)
    await mark_seen(tx, session["id"], access.issued_at, access_expires_at=access.expires_at, client=client)
    return TokenPair(account, session["id"], access, child, refresh_expiry(issued_at, session["expires_at"]))


async def _rejection(tx: Transaction, session: asyncpg.Record, client: Client, outcome: str) -> RefreshTokenInvalid:
    """The error to raise, after its reason is recorded."""
    ids = {"account_id": session["account_id"], "session_id": session["id"]}
    await record_audit(tx, "refresh", outcome, client, **ids)
    return RefreshTokenInvalid()
