"""Reads for the API."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from sqlmodel import col, func, or_, select

from auth.domain.codes import MOST_ATTEMPTS
from auth.domain.keyring import OVERLAP
from auth.domain.roles import Role
from auth.providers.signing import as_jwk
from auth.tables import Account
from common import clock
from common.persistence.transaction import Transaction

KEYS = """
SELECT kid, public_key FROM signing_key WHERE state <> 'retired' OR retired_at >= $1 ORDER BY created_at DESC, kid
"""
SIGNING_KEYS = "SELECT kid, state, created_at, activated_at, retired_at FROM signing_key ORDER BY created_at DESC, kid"
REVOKED = "SELECT id, access_expires_at FROM session WHERE ended_at IS NOT NULL AND access_expires_at > $1"
LIVE = """
SELECT EXISTS (SELECT FROM session JOIN account ON account.id = account_id
               WHERE session.id = $1 AND ended_at IS NULL AND expires_at > $2 AND is_active)
"""
FACTORS = """
SELECT EXISTS (SELECT FROM totp WHERE account_id = $1 AND confirmed_at IS NOT NULL) AS totp,
       (SELECT count(*) FROM recovery_code WHERE account_id = $1 AND used_at IS NULL) AS recovery_codes_left
"""
API_KEYS = "SELECT * FROM api_key WHERE $1::uuid IS NULL OR account_id = $1 ORDER BY id DESC OFFSET $2 LIMIT $3"
API_KEYS_TOTAL = "SELECT count(*) FROM api_key WHERE $1::uuid IS NULL OR account_id = $1"
API_KEY = "SELECT * FROM api_key WHERE id = $1 AND ($2::uuid IS NULL OR account_id = $2)"
DEVICES = """
SELECT device.id, name, device.address, device.user_agent, first_seen_at, device.seen_at, count(session.id) AS sessions,
       coalesce(bool_or(session.id = $2), false) AS is_current
FROM device LEFT JOIN session ON device_id = device.id AND ended_at IS NULL AND expires_at > $3
WHERE device.account_id = $1 GROUP BY device.id ORDER BY device.seen_at DESC, device.id LIMIT $4
"""
SESSIONS = """
SELECT session.id, device_id, coalesce(device.name, device_name) AS device_name, session.address, session.user_agent,
       created_at, session.seen_at, expires_at
FROM session LEFT JOIN device ON device.id = device_id
WHERE session.account_id = $1 AND ended_at IS NULL AND expires_at > $2
ORDER BY session.seen_at DESC, session.id LIMIT $3
"""
HAS_SESSION = "SELECT EXISTS (SELECT FROM session WHERE id = $1 AND account_id = $2 AND ended_at IS NULL)"
MOST_LISTED = 100
AUDIT = """
SELECT * FROM audit
WHERE ($1::uuid IS NULL OR account_id = $1) AND ($2::text IS NULL OR action = $2) AND ($3::text IS NULL OR outcome = $3)
  AND ($4::timestamptz IS NULL OR at >= $4) AND ($5::timestamptz IS NULL OR at < $5) AND id < $6
ORDER BY id DESC LIMIT $7
"""
LAST_ENTRY = 2**63 - 1

RESETS = """
SELECT code.id, code.account_id AS user_id, account.email, host(code.address) AS address, attempts,
       code.created_at AS requested_at, expires_at, used_at,
       CASE WHEN used_at IS NOT NULL THEN 'used' WHEN superseded_at IS NOT NULL THEN 'superseded'
            WHEN expires_at <= $3 THEN 'expired' WHEN verified_at IS NOT NULL THEN 'code_accepted'
            WHEN attempts >= $4 THEN 'guessed_too_often' ELSE 'open' END AS outcome
FROM one_time_code AS code LEFT JOIN account ON account.id = code.account_id
WHERE purpose = 'reset_password' AND ($1::uuid IS NULL OR code.id < $1)
ORDER BY code.id DESC LIMIT $2
"""
PRE_REGISTRATIONS = """
SELECT id, email, first_name, last_name, created_at FROM pre_registration ORDER BY id DESC OFFSET $1 LIMIT $2
"""
PRE_REGISTRATIONS_AFTER = """
SELECT id, email, first_name, last_name, created_at FROM pre_registration
WHERE $1::uuid IS NULL OR id > $1 ORDER BY id LIMIT 1000
"""

# As UserView renders an account; a test holds the two together.
PROFILES = """
SELECT d.id, row_to_json(d)::text FROM (
    SELECT id, email, username, first_name, last_name, phone, birth_date, address, city, pincode, language, time_zone,
           role, json_build_array(role) AS roles, is_active, email_confirmed, max_messages_per_day, avatar_url,
           to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS created_at,
           to_char(updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS updated_at
    FROM account WHERE id = ANY($1)
) d
"""

SEARCHED = (col(Account.email), col(Account.username), col(Account.first_name), col(Account.last_name))
ORDERINGS = {name: col(getattr(Account, name)) for name in ("created_at", "email", "username", "last_name")}


@dataclass(frozen=True, slots=True)
class AccountFilter:
    """`ordering` is one of ORDERINGS, descending with a leading dash."""

    role: Role | None = None
    is_active: bool | None = None
    search: str | None = None
    ordering: str = "-created_at"
    is_deleted: bool = False


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """`since` is inclusive, `until` is not."""

    account_id: UUID | None = None
    action: str | None = None
    outcome: str | None = None
    since: datetime | None = None
    until: datetime | None = None


async def find_account(tx: Transaction, account_id: UUID) -> Account | None:
    return await tx.session.get(Account, account_id)


async def render_accounts(sql: asyncpg.Connection, account_ids: Sequence[UUID]) -> dict[UUID, str]:
    """The accounts as JSON objects, by id."""
    return dict(await sql.fetch(PROFILES, account_ids))


async def list_accounts(
    tx: Transaction, chosen: AccountFilter, offset: int, limit: int
) -> tuple[Sequence[Account], int]:
    """One page, and how many there are on all."""
    conditions = _conditions(chosen)
    total = await tx.session.exec(select(func.count()).select_from(Account).where(*conditions))
    column = ORDERINGS[chosen.ordering.removeprefix("-")]
    order = column.desc() if chosen.ordering.startswith("-") else column.asc()
    page = select(Account).where(*conditions).order_by(order, col(Account.id)).offset(offset).limit(limit)
    return (await tx.session.exec(page)).all(), total.one()


def _conditions(chosen: AccountFilter) -> list[Any]:
    deleted_at = col(Account.deleted_at)
    conditions: list[Any] = [deleted_at.is_not(None) if chosen.is_deleted else deleted_at.is_(None)]
    if chosen.role is not None:
        conditions.append(Account.role == chosen.role)
    if chosen.is_active is not None:
        conditions.append(Account.is_active == chosen.is_active)
    if chosen.search:
        conditions.append(or_(*(column.icontains(chosen.search, autoescape=True) for column in SEARCHED)))
    return conditions


async def key_set(tx: Transaction) -> dict[str, Any]:
    """The JWKS (RFC 7517): what signs, what will sign next, and what signed tokens that may still be alive."""
    keys = await tx.sql.fetch(KEYS, clock.now() - OVERLAP)
    return {"keys": [as_jwk(key["kid"], key["public_key"]) for key in keys]}


async def signing_keys(tx: Transaction) -> list[asyncpg.Record]:
    """Every key that is kept, the newest first, without its private part."""
    rows: list[asyncpg.Record] = await tx.sql.fetch(SIGNING_KEYS)
    return rows


async def revoked_sessions(tx: Transaction) -> list[asyncpg.Record]:
    """Ended sessions with access tokens that have not expired: rows of `id`, `access_expires_at`."""
    rows: list[asyncpg.Record] = await tx.sql.fetch(REVOKED, clock.now())
    return rows


async def is_live(tx: Transaction, session_id: UUID) -> bool:
    return bool(await tx.sql.fetchval(LIVE, session_id, clock.now()))


async def factors_of(tx: Transaction, account_id: UUID) -> asyncpg.Record:
    """`totp`, whether it is on, and `recovery_codes_left`."""
    return await tx.sql.fetchrow(FACTORS, account_id)


async def list_api_keys(
    tx: Transaction, owner_id: UUID | None, offset: int, limit: int
) -> tuple[list[asyncpg.Record], int]:
    """One page, the newest first, and how many there are on all; everybody's without an owner."""
    total = await tx.sql.fetchval(API_KEYS_TOTAL, owner_id)
    return await tx.sql.fetch(API_KEYS, owner_id, offset, limit), total


async def find_api_key(tx: Transaction, key_id: UUID, owner_id: UUID | None) -> asyncpg.Record | None:
    """None when there is no such key, or when it is not the owner's."""
    return await tx.sql.fetchrow(API_KEY, key_id, owner_id)


async def devices_of(tx: Transaction, account_id: UUID, current: UUID) -> list[asyncpg.Record]:
    """Rows as DeviceView shows them; `current` is the caller's session."""
    rows: list[asyncpg.Record] = await tx.sql.fetch(DEVICES, account_id, current, clock.now(), MOST_LISTED)
    return rows


async def sessions_of(tx: Transaction, account_id: UUID) -> list[asyncpg.Record]:
    """Rows as SessionView shows them, but for `is_current`."""
    rows: list[asyncpg.Record] = await tx.sql.fetch(SESSIONS, account_id, clock.now(), MOST_LISTED)
    return rows


async def has_session(tx: Transaction, account_id: UUID, session_id: UUID) -> bool:
    """Whether it is the account's, and has not ended."""
    return bool(await tx.sql.fetchval(HAS_SESSION, session_id, account_id))


async def audit_entries(tx: Transaction, chosen: AuditFilter, before: int | None, limit: int) -> list[asyncpg.Record]:
    """Newest first, those older than the entry `before`."""
    rows: list[asyncpg.Record] = await tx.sql.fetch(AUDIT, *astuple(chosen), before or LAST_ENTRY, limit)
    return rows


async def password_resets(tx: Transaction, before: UUID | None, limit: int) -> list[asyncpg.Record]:
    """Newest first, as ResetView shows them."""
    rows: list[asyncpg.Record] = await tx.sql.fetch(RESETS, before, limit, clock.now(), MOST_ATTEMPTS)
    return rows


async def list_pre_registrations(tx: Transaction, offset: int, limit: int) -> tuple[list[asyncpg.Record], int]:
    """One page, newest first, and how many there are on all."""
    total = await tx.sql.fetchval("SELECT count(*) FROM pre_registration")
    return await tx.sql.fetch(PRE_REGISTRATIONS, offset, limit), total


async def pre_registrations_after(tx: Transaction, after: UUID | None) -> list[asyncpg.Record]:
    """The next thousand, oldest first."""
    rows: list[asyncpg.Record] = await tx.sql.fetch(PRE_REGISTRATIONS_AFTER, after)
    return rows
