"""SQL of accounts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import asyncpg
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, func, or_, select, true

from auth.accounts.domain import AVATAR_VARIANT, Role
from auth.accounts.tables import Account
from common.persistence.search import contains
from common.persistence.transaction import Transaction
from common.security.media_urls import MediaUrls

Ordering = Literal["created_at", "-created_at", "email", "-email", "username", "-username", "last_name", "-last_name"]

# Ordered, and re-evaluated after a wait: two administrators who demote each other cannot both succeed.
LOCK_ADMINS = "SELECT id FROM account WHERE role = 'admin' AND is_active ORDER BY id FOR UPDATE"
LOCK_PHONE = "SELECT pg_advisory_xact_lock(hashtextextended('phone:' || $1::text, 0))"
LOCK_USERNAME = "SELECT pg_advisory_xact_lock(hashtextextended('username:' || $1::text, 0))"
# Events may arrive out of order: the highest sequence wins. An erased account gets no avatar.
SET_AVATAR = """
UPDATE account SET avatar_id = $2, avatar_sequence = $3, updated_at = $4
WHERE id = $1 AND avatar_sequence < $3 AND erased_at IS NULL
"""
# As UserView renders an account; a test compares the two.
PROFILES = """
SELECT account.id, avatar_id, row_to_json(view)::text AS profile FROM account, LATERAL (
    SELECT account.id, email, username, first_name, last_name, phone, whatsapp_number, birth_date, address, city,
           pincode, language, time_zone, role, json_build_array(role) AS roles, is_active, email_confirmed,
           max_messages_per_day, NULL AS avatar_url,
           to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS created_at,
           to_char(updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS updated_at
) view WHERE account.id = ANY($1)
"""
ROLE = "SELECT role FROM account WHERE id = $1"
NO_AVATAR = '"avatar_url":null'
FOUND = text(contains(["email", "username", "first_name", "last_name", "phone"], ":search"))


@dataclass(frozen=True, slots=True)
class AccountFilter:
    """`ordering` is descending with a leading dash."""

    role: Role | None = None
    is_active: bool | None = None
    search: str | None = None
    ordering: Ordering = "-created_at"
    is_deleted: bool = False


async def find_account(tx: Transaction, account_id: UUID) -> Account | None:
    return await tx.session.get(Account, account_id)


async def find_account_by_email(tx: Transaction, email: str) -> Account | None:
    return (await tx.session.exec(select(Account).where(Account.email == email))).first()


async def find_account_by_login(tx: Transaction, name: str) -> Account | None:
    """By e-mail address or username, in lower case; deleted accounts are not found."""
    is_named = or_(Account.email == name, func.lower(Account.username) == name)
    return (await tx.session.exec(select(Account).where(is_named, col(Account.deleted_at).is_(None)))).first()


async def find_role(tx: Transaction, account_id: UUID) -> Role | None:
    role: Role | None = await tx.sql.fetchval(ROLE, account_id)
    return role


async def is_email_taken(tx: Transaction, email: str) -> bool:
    return (await tx.session.exec(select(Account.id).where(Account.email == email))).first() is not None


async def is_username_taken(tx: Transaction, username: str) -> bool:
    """Serialises concurrent registrations of one username: the second waits here until the first has committed."""
    await tx.sql.execute(LOCK_USERNAME, username.lower())
    taken = select(Account.id).where(func.lower(Account.username) == username.lower())
    return (await tx.session.exec(taken)).first() is not None


async def is_phone_taken(tx: Transaction, phone: str, but: UUID | None = None) -> bool:
    """By another account than `but`. Serialises as `is_username_taken` does."""
    await tx.sql.execute(LOCK_PHONE, phone)
    taken = select(Account.id).where(Account.phone == phone, col(Account.id) != but if but else true())
    return (await tx.session.exec(taken)).first() is not None


async def insert_account(tx: Transaction, account: Account) -> bool:
    """False if the address is taken, including by a concurrent transaction."""
    statement = insert(Account).values(account.model_dump()).on_conflict_do_nothing(index_elements=["email"])
    inserted = await tx.session.exec(statement.returning(col(Account.id)))
    return inserted.first() is not None


async def lock_account(tx: Transaction, account_id: UUID) -> Account | None:
    return (await tx.session.exec(select(Account).where(Account.id == account_id).with_for_update())).first()


async def lock_unchanged_account(tx: Transaction, account: Account) -> Account | None:
    """None if the account was deleted or its password changed after it was read."""
    is_same = (
        Account.id == account.id,
        Account.password_hash == account.password_hash,
        col(Account.deleted_at).is_(None),
    )
    return (await tx.session.exec(select(Account).where(*is_same).with_for_update())).first()


async def lock_open_account(tx: Transaction, account_id: UUID) -> Account | None:
    """None if the account is closed or deleted."""
    is_open = (col(Account.id) == account_id, col(Account.is_active), col(Account.deleted_at).is_(None))
    return (await tx.session.exec(select(Account).where(*is_open).with_for_update())).first()


async def share_active_account(tx: Transaction, account_id: UUID) -> Account | None:
    """With a shared lock: a concurrent deactivation waits. None if the account is closed."""
    active = select(Account).where(Account.id == account_id, Account.is_active)
    return (await tx.session.exec(active.with_for_update(read=True))).first()


async def update_avatar(tx: Transaction, account_id: UUID, media_id: UUID | None, sequence: int, now: datetime) -> None:
    await tx.sql.execute(SET_AVATAR, account_id, media_id, sequence, now)


async def list_accounts(
    tx: Transaction, filters: AccountFilter, offset: int, limit: int
) -> tuple[Sequence[Account], int]:
    """One page, and the total number."""
    conditions = _conditions(filters)
    total = await tx.session.exec(select(func.count()).select_from(Account).where(*conditions))
    column = col(getattr(Account, filters.ordering.removeprefix("-")))
    order = column.desc() if filters.ordering.startswith("-") else column.asc()
    page = select(Account).where(*conditions).order_by(order, col(Account.id)).offset(offset).limit(limit)
    return (await tx.session.exec(page)).all(), total.one()


async def lock_admins(tx: Transaction) -> list[UUID]:
    """The ids of the active administrators, locked."""
    return [row["id"] for row in await tx.sql.fetch(LOCK_ADMINS)]


async def lock_accounts_to_erase(tx: Transaction, deleted_before: datetime, limit: int) -> Sequence[Account]:
    due = (col(Account.deleted_at) < deleted_before, col(Account.erased_at).is_(None))
    oldest = select(Account).where(*due).order_by(col(Account.deleted_at)).limit(limit)
    return (await tx.session.exec(oldest.with_for_update(skip_locked=True))).all()


async def render_profiles(
    sql: asyncpg.Connection, account_ids: Sequence[UUID], media_urls: MediaUrls
) -> dict[UUID, str]:
    """The accounts as JSON objects, by id."""
    return {row["id"]: _with_avatar(row, media_urls) for row in await sql.fetch(PROFILES, account_ids)}


def _with_avatar(row: asyncpg.Record, media_urls: MediaUrls) -> str:
    profile: str = row["profile"]
    if row["avatar_id"] is None:
        return profile
    # Text that a person wrote cannot match: its quotes are escaped.
    return profile.replace(NO_AVATAR, f'"avatar_url":"{media_urls.signed(row["avatar_id"], AVATAR_VARIANT)}"', 1)


def _conditions(filters: AccountFilter) -> list[Any]:
    deleted_at = col(Account.deleted_at)
    conditions: list[Any] = [deleted_at.is_not(None) if filters.is_deleted else deleted_at.is_(None)]
    if filters.role is not None:
        conditions.append(Account.role == filters.role)
    if filters.is_active is not None:
        conditions.append(Account.is_active == filters.is_active)
    if filters.search:
        conditions.append(FOUND.bindparams(search=filters.search))
    return conditions
