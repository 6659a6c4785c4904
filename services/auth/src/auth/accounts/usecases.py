"""Accounts as other features use them: finding and locking them, their profile, and the events about them."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Literal
from uuid import UUID

from auth.accounts.domain import is_above
from auth.accounts.store import (
    AccountFilter,
    Ordering,
    find_account,
    find_account_by_email,
    find_account_by_login,
    find_role,
    insert_account,
    is_email_taken,
    is_phone_taken,
    is_username_taken,
    list_accounts,
    lock_account,
    lock_accounts_to_erase,
    lock_admins,
    lock_open_account,
    lock_unchanged_account,
    share_active_account,
    update_avatar,
)
from auth.accounts.tables import Account
from auth.clients import Client
from auth.errors import PhoneTaken, RoleAboveOwn, UserNotFound
from common import clock
from common.contracts.auth import EmailConfirmed, PasswordChanged, SecurityChanged, UserRegistered, UserUpdated
from common.persistence.transaction import Transaction

__all__ = [
    "Account",
    "AccountFilter",
    "Ordering",
    "SecurityChange",
    "check_rank",
    "contact_fields",
    "email_confirmed",
    "find_account",
    "find_account_by_email",
    "find_account_by_login",
    "insert_account",
    "is_email_taken",
    "is_username_taken",
    "list_accounts",
    "lock_accounts_to_erase",
    "lock_admins",
    "lock_open_account",
    "lock_unchanged_account",
    "locked_account",
    "mark_email_confirmed",
    "password_changed",
    "require_free_phone",
    "security_changed",
    "set_avatar",
    "share_active_account",
    "update_profile",
    "user_registered",
    "user_updated",
]

CONTACT_FIELDS = (
    "email",
    "username",
    "first_name",
    "last_name",
    "phone",
    "whatsapp_number",
    "language",
    "time_zone",
    "max_messages_per_day",
)

SecurityChange = Literal[
    "totp_on",
    "totp_off",
    "recovery_codes_renewed",
    "passkey_added",
    "passkey_removed",
    "identity_linked",
    "identity_unlinked",
    "api_key_made",
    "email_changed",
]


async def check_rank(tx: Transaction, account_id: UUID, roles: AbstractSet[str]) -> None:
    """Who has these roles may manage the account. Raises RoleAboveOwn.

    Reads without a lock: administrators are locked before the account that one of them changes.
    """
    role = await find_role(tx, account_id)
    if role is not None and is_above(role, roles):
        raise RoleAboveOwn


async def locked_account(tx: Transaction, account_id: UUID) -> Account:
    """The account, locked until the transaction ends. Raises UserNotFound."""
    account = await lock_account(tx, account_id)
    if account is None:
        raise UserNotFound
    return account


async def update_profile(
    tx: Transaction, account_id: UUID, changes: Mapping[str, Any], *, unique_phones: bool
) -> Account:
    """Apply the changes; publishes UserUpdated if a value differs. Raises PhoneTaken with `unique_phones`."""
    account = await locked_account(tx, account_id)
    changed = {name: value for name, value in changes.items() if getattr(account, name) != value}
    if "phone" in changed:
        changed["unique_phone"] = await require_free_phone(tx, changed["phone"], account_id) if unique_phones else None
    if changed:
        account.sqlmodel_update(changed)
        account.updated_at = clock.now()
        tx.publish(user_updated(account))
    return account


async def require_free_phone(tx: Transaction, phone: str | None, account_id: UUID | None = None) -> str | None:
    """The phone, which no account but `account_id` can take before the transaction ends. Raises PhoneTaken."""
    if phone is not None and await is_phone_taken(tx, phone, but=account_id):
        raise PhoneTaken
    return phone


async def set_avatar(tx: Transaction, account_id: UUID, media_id: UUID | None, sequence: int) -> None:
    """`sequence` is that of catalog's event; None removes the avatar."""
    await update_avatar(tx, account_id, media_id, sequence, clock.now())


def mark_email_confirmed(tx: Transaction, account: Account) -> None:
    """Publishes EmailConfirmed the first time. The account must be locked."""
    if not account.email_confirmed:
        account.email_confirmed = True
        account.updated_at = clock.now()
        tx.publish(email_confirmed(account))


def user_registered(account: Account) -> UserRegistered:
    return UserRegistered(**contact_fields(account))


def user_updated(account: Account) -> UserUpdated:
    return UserUpdated(**contact_fields(account))


def email_confirmed(account: Account) -> EmailConfirmed:
    return EmailConfirmed(**contact_fields(account))


def password_changed(account: Account) -> PasswordChanged:
    return PasswordChanged(**contact_fields(account))


def security_changed(
    account_id: UUID, what: SecurityChange, client: Client, *, email: str | None = None
) -> SecurityChanged:
    """`email` is where to notify the owner, if not at the account's address."""
    return SecurityChanged(user_id=account_id, what=what, address=str(client.address), at=clock.now(), email=email)


def contact_fields(account: Account) -> dict[str, Any]:
    """What events about an account carry."""
    return {name: getattr(account, name) for name in CONTACT_FIELDS} | {
        "user_id": account.id,
        "roles": (account.role,),
    }
