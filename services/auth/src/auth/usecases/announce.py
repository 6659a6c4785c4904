"""What others are told of an account."""

from datetime import datetime
from typing import Any

from auth.domain.codes import Purpose
from auth.tables import Account
from common.contracts.auth import (
    EmailConfirmationRequested,
    EmailConfirmed,
    PasswordChanged,
    PasswordResetRequested,
    UserRegistered,
    UserUpdated,
)


def registered(account: Account) -> UserRegistered:
    return UserRegistered(**_contact(account))


def updated(account: Account) -> UserUpdated:
    return UserUpdated(**_contact(account))


def code_requested(
    purpose: Purpose, account: Account, sealed: str, expires_at: datetime
) -> EmailConfirmationRequested | PasswordResetRequested:
    event = EmailConfirmationRequested if purpose == "confirm_email" else PasswordResetRequested
    return event(**_contact(account), sealed=sealed, expires_at=expires_at)


def email_confirmed(account: Account) -> EmailConfirmed:
    return EmailConfirmed(**_contact(account))


def password_changed(account: Account) -> PasswordChanged:
    return PasswordChanged(**_contact(account))


def _contact(account: Account) -> dict[str, Any]:
    same = ("email", "username", "first_name", "last_name", "phone", "language", "time_zone", "max_messages_per_day")
    return {name: getattr(account, name) for name in same} | {"user_id": account.id, "roles": (account.role,)}
