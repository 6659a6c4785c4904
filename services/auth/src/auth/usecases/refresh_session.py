"""A refresh token for the next one and a new access token.

Refusals are returned, not raised: the end of a stolen family must commit.
"""

from datetime import datetime
from uuid import UUID

import asyncpg

from auth.domain.clients import Client
from auth.domain.refresh import Presented, Verdict, expiry
from auth.signing_keys.providers.signer import Signer
from auth.tables import Account
from auth.usecases.end_sessions import end_session
from auth.usecases.issue_access import issue_access
from auth.usecases.open_session import Grant, digest, store_token
from auth.usecases.record_audit import record_audit
from auth.vault import Vault
from common import clock
from common.errors import Unauthenticated
from common.persistence.transaction import Transaction

LOCK_SESSION = """
SELECT id, account_id, expires_at, ended_at FROM session
WHERE id = (SELECT session_id FROM refresh_token WHERE hash = $1) FOR UPDATE
"""
# A statement of its own: it must see what whoever held the lock before has written.
PRESENTED = """
SELECT token.issued_at, token.rotated_at, child.issued_at AS child_issued_at, child.rotated_at AS child_rotated_at
FROM refresh_token token LEFT JOIN refresh_token child ON child.parent = token.hash WHERE token.hash = $1
"""
ROTATED = "UPDATE refresh_token SET rotated_at = $2 WHERE hash = $1"
SEEN = """
WITH seen AS (
    UPDATE session SET seen_at = $2, access_expires_at = greatest(access_expires_at, $3) WHERE id = $1
    RETURNING device_id
)
UPDATE device SET seen_at = $2, address = $4 FROM seen WHERE device.id = seen.device_id
"""


async def refresh_session(
    tx: Transaction, token: str, client: Client, *, signer: Signer, vault: Vault
) -> Grant | Unauthenticated:
    session = await tx.sql.fetchrow(LOCK_SESSION, digest(token))
    if session is None:
        return _refusal()
    if session["ended_at"] is not None:
        return await _refused(tx, session, client, "session_ended")
    row = await tx.sql.fetchrow(PRESENTED, digest(token))
    presented = Presented(row["issued_at"], row["rotated_at"], row["child_rotated_at"] is not None)
    match presented.judge(session["expires_at"], now := clock.now()):
        case Verdict.EXPIRED:
            return await _refused(tx, session, client, "expired")
        case Verdict.REUSED:
            await end_session(tx, session["id"], "refresh_token_reused")
            return await _refused(tx, session, client, "reused")
        case Verdict.ROTATE:
            issued_at = await _rotate(tx, token, session["id"], vault, now)
        case Verdict.REPEAT:
            issued_at = row["child_issued_at"]
    return await _grant(tx, session, vault.child_of(token), issued_at, signer=signer, client=client)


async def _rotate(tx: Transaction, token: str, session_id: UUID, vault: Vault, now: datetime) -> datetime:
    await tx.sql.execute(ROTATED, digest(token), now)
    await store_token(tx, vault.child_of(token), session_id, parent=token, issued_at=now)
    return now


async def _grant(
    tx: Transaction, session: asyncpg.Record, child: str, issued_at: datetime, *, signer: Signer, client: Client
) -> Grant:
    account = await tx.session.get_one(Account, session["account_id"])
    access = await issue_access(tx, account, session["id"], signer)
    await tx.sql.execute(SEEN, session["id"], access.issued_at, access.expires_at, client.address)
    return Grant(account, session["id"], access, child, expiry(issued_at, session["expires_at"]))


async def _refused(tx: Transaction, session: asyncpg.Record, client: Client, outcome: str) -> Unauthenticated:
    ids = {"account_id": session["account_id"], "session_id": session["id"]}
    await record_audit(tx, "refresh", outcome, client, **ids)
    return _refusal()


def _refusal() -> Unauthenticated:
    return Unauthenticated("The refresh token is not valid, sign in again", code="refresh_token_invalid")
