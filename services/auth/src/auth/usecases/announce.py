"""What others are told of an account."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from auth.domain.clients import Client
from auth.domain.codes import Purpose
from auth.tables import Account
from common import clock
from common.contracts.auth import (
    EmailChangeRequested,
    EmailConfirmationRequested,
    EmailConfirmed,
    PasswordChanged,
    PasswordResetRequested,
    SecurityChanged,
    UserRegistered,
    UserUpdated,
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


def registered(account: Account) -> UserRegistered:
    return UserRegistered(**_contact(account))


def updated(account: Account) -> UserUpdated:
    return UserUpdated(**_contact(account))


def code_requested(
    purpose: Purpose, account: Account, sealed: str, expires_at: datetime, new_email: str | None
) -> EmailConfirmationRequested | PasswordResetRequested | EmailChangeRequested:
    if new_email is not None:
        return EmailChangeRequested(user_id=account.id, email=new_email, sealed=sealed, expires_at=expires_at)
    event = EmailConfirmationRequested if purpose == "confirm_email" else PasswordResetRequested
    return event(**_contact(account), sealed=sealed, expires_at=expires_at)


def email_confirmed(account: Account) -> EmailConfirmed:
    return EmailConfirmed(**_contact(account))


def password_changed(account: Account) -> PasswordChanged:
    return PasswordChanged(**_contact(account))


def security_changed(
    account_id: UUID, what: SecurityChange, client: Client, *, email: str | None = None
) -> SecurityChanged:
    """`email` is where the owner is to hear of it, when not at the account's address."""
    return SecurityChanged(user_id=account_id, what=what, address=str(client.address), at=clock.now(), email=email)


def _contact(account: Account) -> dict[str, Any]:
    same = ("email", "username", "first_name", "last_name", "phone", "language", "time_zone", "max_messages_per_day")
    return {name: getattr(account, name) for name in same} | {"user_id": account.id, "roles": (account.role,)}
