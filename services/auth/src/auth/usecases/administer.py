"""What administrators do to accounts: change what is known of them and their role, close and reopen."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from auth.domain.clients import Client
from auth.domain.roles import Role, is_demotion
from auth.tables import Account
from auth.usecases.announce import updated
from auth.usecases.end_sessions import end_sessions_of
from auth.usecases.record_audit import record_audit
from auth.usecases.update_profile import locked_account, update_profile
from common import clock
from common.contracts.auth import SessionRevoked, UserDeactivated
from common.errors import Conflict
from common.persistence.transaction import Transaction

# Ordered, and re-evaluated after a wait: two admins who demote each other cannot both succeed.
ADMINS = "SELECT id FROM account WHERE role = 'admin' AND is_active ORDER BY id FOR UPDATE"


async def change_user(
    tx: Transaction, account_id: UUID, changes: Mapping[str, Any], actor_id: UUID, client: Client
) -> tuple[Account, list[SessionRevoked]]:
    """`changes` are of the names, phone, daily messages, `role` and `is_active`. Raises Conflict for a deleted one."""
    role, is_active = changes.get("role"), changes.get("is_active")
    # Before the account itself is locked, so that two administrators cannot wait for each other.
    await keep_an_admin(tx, account_id, leaves=role not in (None, "admin") or is_active is False)
    account, ended = await locked_account(tx, account_id), []
    refuse_deleted(account)
    rest = {name: value for name, value in changes.items() if name not in ("role", "is_active")}
    edited = sorted(name for name, value in rest.items() if getattr(account, name) != value)
    if edited:
        await update_profile(tx, account_id, rest)
        await record_audit(
            tx, "edit_user", "succeeded", client, account_id=account_id, actor_id=actor_id, fields=edited
        )
    if role is not None:
        ended += (await change_role(tx, account_id, role, actor_id, client))[1]
    if is_active is False:
        ended += (await deactivate(tx, account_id, actor_id, client))[1]
    elif is_active:
        await activate(tx, account_id, actor_id, client)
    return account, ended


async def change_role(
    tx: Transaction, account_id: UUID, role: Role, actor_id: UUID, client: Client
) -> tuple[Account, list[SessionRevoked]]:
    """A demotion ends the sessions, whose tokens still carry the old rights."""
    await keep_an_admin(tx, account_id, leaves=role != "admin")
    account = await locked_account(tx, account_id)
    before = account.role
    if before == role:
        return account, []
    account.role = role
    account.updated_at = clock.now()
    tx.publish(updated(account))
    await record_audit(tx, "change_role", role, client, account_id=account_id, actor_id=actor_id, before=before)
    ended = await end_sessions_of(tx, account_id, "role_changed") if is_demotion(before, role) else []
    return account, ended


async def deactivate(
    tx: Transaction, account_id: UUID, actor_id: UUID, client: Client
) -> tuple[Account, list[SessionRevoked]]:
    """Nobody signs in to it any more, and who is signed in is not."""
    await keep_an_admin(tx, account_id, leaves=True)
    account = await locked_account(tx, account_id)
    if not account.is_active:
        return account, []
    account.is_active = False
    account.updated_at = clock.now()
    tx.publish(UserDeactivated(user_id=account_id))
    await record_audit(tx, "deactivate", "succeeded", client, account_id=account_id, actor_id=actor_id)
    return account, await end_sessions_of(tx, account_id, "account_deactivated")


async def activate(tx: Transaction, account_id: UUID, actor_id: UUID, client: Client) -> Account:
    """Raises Conflict for a deleted account, which is restored instead."""
    account = await locked_account(tx, account_id)
    refuse_deleted(account)
    if not account.is_active:
        account.is_active = True
        account.updated_at = clock.now()
        tx.publish(updated(account))
        await record_audit(tx, "activate", "succeeded", client, account_id=account_id, actor_id=actor_id)
    return account


def refuse_deleted(account: Account) -> None:
    if account.deleted_at is not None:
        raise Conflict("The account has been deleted: restore it first", code="account_deleted")


async def keep_an_admin(tx: Transaction, account_id: UUID, *, leaves: bool) -> None:
    if leaves and [row["id"] for row in await tx.sql.fetch(ADMINS)] == [account_id]:
        raise Conflict("Somebody has to administer: this is the last active admin", code="last_admin")
