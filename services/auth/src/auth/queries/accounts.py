"""Accounts, as administrators and their owners see them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
from sqlmodel import col, func, or_, select

from auth.domain.avatars import AVATAR
from auth.domain.roles import Role
from auth.tables import Account
from common.persistence.transaction import Transaction
from common.security.media_urls import MediaUrls

# As UserView renders an account; a test holds the two together.
PROFILES = """
SELECT account.id, avatar_id, row_to_json(shown)::text AS profile FROM account, LATERAL (
    SELECT account.id, email, username, first_name, last_name, phone, birth_date, address, city, pincode, language,
           time_zone, role, json_build_array(role) AS roles, is_active, email_confirmed, max_messages_per_day,
           NULL AS avatar_url,
           to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS created_at,
           to_char(updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS updated_at
) shown WHERE account.id = ANY($1)
"""
NO_AVATAR = '"avatar_url":null'
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


async def find_account(tx: Transaction, account_id: UUID) -> Account | None:
    return await tx.session.get(Account, account_id)


async def render_accounts(
    sql: asyncpg.Connection, account_ids: Sequence[UUID], media_urls: MediaUrls
) -> dict[UUID, str]:
    """The accounts as JSON objects, by id."""
    return {row["id"]: _with_avatar(row, media_urls) for row in await sql.fetch(PROFILES, account_ids)}


def _with_avatar(row: asyncpg.Record, media_urls: MediaUrls) -> str:
    profile: str = row["profile"]
    if row["avatar_id"] is None:
        return profile
    # Nothing that a person wrote can look like this: quotes inside texts are escaped.
    return profile.replace(NO_AVATAR, f'"avatar_url":"{media_urls.signed(row["avatar_id"], AVATAR)}"', 1)


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
