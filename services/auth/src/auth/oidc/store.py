"""The SQL of identities at other issuers, and of sign-ins that wait for the issuer's callback."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import asyncpg

from auth.oidc.domain import LOGIN_LIFETIME, ExternalIdentity
from common import clock
from common.ids import new_id
from common.persistence.rows import row_count
from common.persistence.transaction import Transaction

LIST_IDENTITIES = """
SELECT id, provider, email, created_at, last_used_at FROM identity WHERE account_id = $1 ORDER BY id LIMIT $2
"""
FIND_IDENTITY = "SELECT id, provider, email, created_at, last_used_at FROM identity WHERE id = $1"
INSERT_IDENTITY = """
INSERT INTO identity (id, account_id, provider, issuer, subject, email, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (issuer, subject) DO NOTHING RETURNING id
"""
# An issuer that could not be asked for the address has not withdrawn it.
SAVE_IDENTITY_USE = """
UPDATE identity SET last_used_at = $3, email = coalesce($4, email) WHERE issuer = $1 AND subject = $2
"""
LOCK_IDENTITY = "SELECT pg_advisory_xact_lock(hashtextextended('identity:' || $1::text, 0))"
OWNER = "SELECT account_id FROM identity WHERE issuer = $1 AND subject = $2"
HAS_IDENTITY = "SELECT EXISTS (SELECT FROM identity WHERE account_id = $1)"
DELETE_IDENTITY = "DELETE FROM identity WHERE account_id = $1 AND id = $2 RETURNING provider"
PENDING_LOGINS = """
SELECT count(*), min(expires_at) AS first_expiry FROM oidc_flow WHERE place = $1 AND expires_at > $2
"""
INSERT_LOGIN = """
INSERT INTO oidc_flow (state_hash, provider, account_id, sealed, browser_hash, place, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
LOCK_LOGIN = """
SELECT provider, account_id, sealed, browser_hash, outcome, claimed_at FROM oidc_flow
WHERE state_hash = $1 AND expires_at > $2 FOR UPDATE
"""
CLAIM_LOGIN = "UPDATE oidc_flow SET claimed_at = $2 WHERE state_hash = $1"
RELEASE_LOGIN = "UPDATE oidc_flow SET claimed_at = NULL WHERE state_hash = $1"
SAVE_OUTCOME = "UPDATE oidc_flow SET outcome = $2 WHERE state_hash = $1"
DELETE_LOGIN = "DELETE FROM oidc_flow WHERE state_hash = $1 RETURNING 1"
DELETE_EXPIRED_LOGINS = """
DELETE FROM oidc_flow WHERE state_hash IN (SELECT state_hash FROM oidc_flow WHERE expires_at < $1 LIMIT 5000)
"""
MAX_LISTED = 100


class PendingLogins(NamedTuple):
    """How many sign-ins of a place wait for a callback, and when the first of them expires."""

    total: int
    first_expiry: datetime


async def identities_of(tx: Transaction, account_id: UUID) -> list[asyncpg.Record]:
    """Rows as IdentityView shows them, the oldest first; at most 100."""
    rows: list[asyncpg.Record] = await tx.sql.fetch(LIST_IDENTITIES, account_id, MAX_LISTED)
    return rows


async def find_identity(tx: Transaction, identity_id: UUID) -> asyncpg.Record:
    """The row of an identity that was just linked."""
    return await tx.sql.fetchrow(FIND_IDENTITY, identity_id)


async def insert_identity(tx: Transaction, account_id: UUID, identity: ExternalIdentity) -> UUID | None:
    """None if the identity signs in to an account already."""
    identity_id: UUID | None = await tx.sql.fetchval(
        INSERT_IDENTITY,
        new_id(),
        account_id,
        identity.provider,
        identity.issuer,
        identity.subject,
        identity.email,
        clock.now(),
    )
    return identity_id


async def save_identity_use(tx: Transaction, identity: ExternalIdentity) -> None:
    await tx.sql.execute(SAVE_IDENTITY_USE, identity.issuer, identity.subject, clock.now(), identity.email)


async def lock_identity(tx: Transaction, identity: ExternalIdentity) -> None:
    """Concurrent sign-ins of one identity run one after another, also before it is linked."""
    await tx.sql.execute(LOCK_IDENTITY, f"{identity.issuer} {identity.subject}")


async def owner_of(tx: Transaction, identity: ExternalIdentity) -> UUID | None:
    """The account that the identity signs in to."""
    owner: UUID | None = await tx.sql.fetchval(OWNER, identity.issuer, identity.subject)
    return owner


async def has_identity(tx: Transaction, account_id: UUID) -> bool:
    return bool(await tx.sql.fetchval(HAS_IDENTITY, account_id))


async def delete_identity(tx: Transaction, account_id: UUID, identity_id: UUID) -> str | None:
    """The provider; None if the account has no such identity."""
    provider: str | None = await tx.sql.fetchval(DELETE_IDENTITY, account_id, identity_id)
    return provider


async def pending_logins(tx: Transaction, place: str) -> PendingLogins:
    return PendingLogins(*await tx.sql.fetchrow(PENDING_LOGINS, place, clock.now()))


async def insert_login(
    tx: Transaction,
    state_hash: bytes,
    provider: str,
    account_id: UUID | None,
    *,
    sealed: bytes,
    browser_hash: bytes,
    place: str,
) -> datetime:
    """When it expires."""
    expires_at = clock.now() + LOGIN_LIFETIME
    await tx.sql.execute(INSERT_LOGIN, state_hash, provider, account_id, sealed, browser_hash, place, expires_at)
    return expires_at


async def lock_login(tx: Transaction, state_hash: bytes) -> asyncpg.Record | None:
    """None if it is unknown, ended or expired."""
    return await tx.sql.fetchrow(LOCK_LOGIN, state_hash, clock.now())


async def claim_login(tx: Transaction, state_hash: bytes) -> None:
    await tx.sql.execute(CLAIM_LOGIN, state_hash, clock.now())


async def release_login(tx: Transaction, state_hash: bytes) -> None:
    await tx.sql.execute(RELEASE_LOGIN, state_hash)


async def save_outcome(tx: Transaction, state_hash: bytes, sealed: bytes) -> None:
    await tx.sql.execute(SAVE_OUTCOME, state_hash, sealed)


async def delete_login(tx: Transaction, state_hash: bytes) -> bool:
    """False if it was deleted before: of two concurrent callbacks, one succeeds."""
    return await tx.sql.fetchval(DELETE_LOGIN, state_hash) is not None


async def delete_expired_logins(tx: Transaction) -> int:
    """How many."""
    return row_count(await tx.sql.execute(DELETE_EXPIRED_LOGINS, clock.now()))
