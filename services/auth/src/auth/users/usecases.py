"""User administration: change, close and reopen accounts; delete, restore and erase them.

A deleted account is deactivated as well, so a query for active accounts finds neither. Deletion is soft: until the
account is erased, an administrator can restore it.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from auth.accounts.domain import Role, is_demotion
from auth.accounts.usecases import (
    Account,
    lock_accounts_to_erase,
    lock_admins,
    locked_account,
    update_profile,
    user_updated,
)
from auth.audit.usecases import record_audit
from auth.clients import Client
from auth.errors import AccountDeleted, AccountErased, LastAdmin
from auth.sessions.usecases.end_sessions import end_sessions_of
from auth.users.store import delete_exports, delete_personal_data
from common import clock
from common.contracts.auth import SessionRevoked, UserDeactivated, UserErased
from common.persistence.transaction import Transaction

ERASURE_BATCH = 100
ERASED_FIELDS: dict[str, Any] = {
    "username": None,
    "password_hash": "erased",
    "first_name": "",
    "last_name": "",
    "phone": None,
    "unique_phone": None,
    "whatsapp_number": None,
    "birth_date": None,
    "address": "",
    "city": "",
    "pincode": "",
    "language": "en",
    "time_zone": "UTC",
    "avatar_id": None,
    "email_confirmed": False,
}

Changed = tuple[Account, list[SessionRevoked]]


async def change_user(
    tx: Transaction,
    account_id: UUID,
    changes: Mapping[str, Any],
    actor_id: UUID,
    client: Client,
    *,
    unique_phones: bool,
) -> Changed:
    """`changes` may have names, phones, daily messages, `role` and `is_active`.

    Raises AccountDeleted, LastAdmin, UserNotFound, and PhoneTaken with `unique_phones`.
    """
    role, is_active = changes.get("role"), changes.get("is_active")
    if role not in (None, "admin") or is_active is False:
        # Before the account itself is locked, so that two administrators cannot wait for each other.
        await _keep_an_admin(tx, account_id)
    account, ended = await locked_account(tx, account_id), []
    _check_not_deleted(account)
    profile = {name: value for name, value in changes.items() if name not in ("role", "is_active")}
    edited = sorted(name for name, value in profile.items() if getattr(account, name) != value)
    if edited:
        await update_profile(tx, account_id, profile, unique_phones=unique_phones)
        await record_audit(
            tx, "edit_user", "succeeded", client, account_id=account_id, actor_id=actor_id, fields=edited
        )
    if role is not None:
        ended += await _change_role(tx, account, role, actor_id, client)
    if is_active is False:
        ended += (await deactivate(tx, account_id, actor_id, client))[1]
    elif is_active:
        await activate(tx, account_id, actor_id, client)
    return account, ended


async def _change_role(
    tx: Transaction, account: Account, role: Role, actor_id: UUID, client: Client
) -> list[SessionRevoked]:
    """A demotion ends the sessions, whose access tokens still carry the old rights."""
    before = account.role
    if before == role:
        return []
    account.role = role
    account.updated_at = clock.now()
    tx.publish(user_updated(account))
    await record_audit(tx, "change_role", role, client, account_id=account.id, actor_id=actor_id, before=before)
    return await end_sessions_of(tx, account.id, "role_changed") if is_demotion(before, role) else []


async def deactivate(tx: Transaction, account_id: UUID, actor_id: UUID, client: Client) -> Changed:
    """End the sessions and reject sign-ins. Raises LastAdmin or UserNotFound."""
    await _keep_an_admin(tx, account_id)
    account = await locked_account(tx, account_id)
    if not account.is_active:
        return account, []
    account.is_active = False
    account.updated_at = clock.now()
    tx.publish(UserDeactivated(user_id=account_id))
    await record_audit(tx, "deactivate", "succeeded", client, account_id=account_id, actor_id=actor_id)
    return account, await end_sessions_of(tx, account_id, "account_deactivated")


async def activate(tx: Transaction, account_id: UUID, actor_id: UUID, client: Client) -> Account:
    """Raises AccountDeleted or UserNotFound."""
    account = await locked_account(tx, account_id)
    _check_not_deleted(account)
    if not account.is_active:
        account.is_active = True
        account.updated_at = clock.now()
        tx.publish(user_updated(account))
        await record_audit(tx, "activate", "succeeded", client, account_id=account_id, actor_id=actor_id)
    return account


async def delete_account(
    tx: Transaction, account_id: UUID, actor_id: UUID | None, client: Client
) -> list[SessionRevoked]:
    """`actor_id` is an administrator, or None if the user deletes the account. Raises LastAdmin or UserNotFound."""
    await _keep_an_admin(tx, account_id)
    account = await locked_account(tx, account_id)
    if account.deleted_at is not None:
        return []
    await delete_exports(tx, account_id)
    account.deleted_at = account.updated_at = clock.now()
    if account.is_active:
        account.is_active = False
        tx.publish(UserDeactivated(user_id=account_id))
    await record_audit(tx, "delete_account", "succeeded", client, account_id=account_id, actor_id=actor_id)
    return await end_sessions_of(tx, account_id, "account_deleted")


async def restore_account(tx: Transaction, account_id: UUID, actor_id: UUID, client: Client) -> Account:
    """The account is active again, as it was. Raises AccountErased or UserNotFound."""
    account = await locked_account(tx, account_id)
    if account.erased_at is not None:
        raise AccountErased
    if account.deleted_at is not None:
        account.deleted_at, account.is_active, account.updated_at = None, True, clock.now()
        tx.publish(user_updated(account))
        await record_audit(tx, "restore_account", "succeeded", client, account_id=account_id, actor_id=actor_id)
    return account


async def erase_accounts(tx: Transaction, keep_deleted: timedelta) -> int:
    """Remove personal data of accounts deleted for longer than that, one batch; returns how many were erased.

    The row stays, because orders refer to it.
    """
    now = clock.now()
    accounts = await lock_accounts_to_erase(tx, now - keep_deleted, ERASURE_BATCH)
    for account in accounts:
        await _erase(tx, account, now)
    return len(accounts)


async def _erase(tx: Transaction, account: Account, now: datetime) -> None:
    await delete_personal_data(tx, account.id, account.email)
    account.sqlmodel_update(ERASED_FIELDS | {"email": _erased_email(account.id), "erased_at": now, "updated_at": now})
    # Replicas of contacts apply what is left of the account like any other change.
    tx.publish(user_updated(account))
    tx.publish(UserErased(user_id=account.id))
    await record_audit(tx, "erase_account", "succeeded", account_id=account.id)


def _erased_email(account_id: UUID) -> str:
    """An address that is unique and undeliverable (RFC 2606)."""
    return f"erased-{account_id}@erased.invalid"


def _check_not_deleted(account: Account) -> None:
    if account.deleted_at is not None:
        raise AccountDeleted


async def _keep_an_admin(tx: Transaction, account_id: UUID) -> None:
    """Raises LastAdmin if no other active administrator would be left."""
    if await lock_admins(tx) == [account_id]:
        raise LastAdmin
