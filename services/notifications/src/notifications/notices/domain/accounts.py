"""Notices about a person's account."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from common.contracts.auth import (
    EmailChangeRequested,
    EmailConfirmationRequested,
    NewDeviceSeen,
    PasswordChanged,
    PasswordResetRequested,
    RegistrationAttempted,
    SecurityChanged,
    UserRegistered,
)
from common.contracts.event import Event
from notifications.notices.domain.notice import Notice, format_time

SECURITY_CHANGES = {
    "totp_on": "An authenticator app was added to your account",
    "totp_off": "The authenticator app was removed from your account",
    "recovery_codes_renewed": "Your account has new recovery codes",
    "passkey_added": "A passkey was added to your account",
    "passkey_removed": "A passkey was removed from your account",
    "identity_linked": "An account elsewhere signs in to your account from now on",
    "identity_unlinked": "An account elsewhere signs in to your account no longer",
    "api_key_made": "An API key was made for your account",
    "email_changed": "The e-mail address of your account was changed",
}
OTHER_SECURITY_CHANGE = "How one signs in to your account changed"
"""For changes that auth may add later."""


def welcome(event: UserRegistered) -> Notice:
    return Notice(
        user_id=event.user_id,
        topic="account.welcome",
        title="Welcome to Dukan",
        body="Your account is ready.",
        template="welcome",
    )


def already_registered(event: RegistrationAttempted) -> Notice:
    """By e-mail only: who reads the mailbox may not remember the account, and who is signed in does."""
    return Notice(
        user_id=event.user_id,
        topic="account.already_registered",
        template="already_registered",
        email_data={"address": event.address, "at": format_time(event.at)},
    )


def confirm_email(event: EmailConfirmationRequested) -> Notice:
    return _email_only("confirm_email", event.user_id, event.sealed, event.expires_at)


def reset_password(event: PasswordResetRequested) -> Notice:
    return _email_only("reset_password", event.user_id, event.sealed, event.expires_at)


def change_email(event: EmailChangeRequested) -> Notice:
    """Sent to the new address, which the account does not have yet."""
    return _email_only("change_email", event.user_id, event.sealed, event.expires_at, to=event.email)


def password_changed(event: PasswordChanged) -> Notice:
    return Notice(
        user_id=event.user_id,
        topic="account.password_changed",
        title="Your password was changed",
        body="If it was not you, reset it at once.",
        template="password_changed",
    )


def new_device(event: NewDeviceSeen) -> Notice:
    seen_at = format_time(event.seen_at)
    device = {"device": event.name, "address": event.address}
    return Notice(
        user_id=event.user_id,
        topic="account.new_device",
        title="New sign-in to your account",
        body=f"{event.name}, from {event.address}, {seen_at}. If it was not you, change your password.",
        data=device,
        template="new_device",
        email_data={**device, "seen_at": seen_at},
    )


def security_changed(event: SecurityChanged) -> Notice:
    """A changed e-mail address is reported to the former one, which the event names."""
    change, at = SECURITY_CHANGES.get(event.what, OTHER_SECURITY_CHANGE), format_time(event.at)
    return Notice(
        user_id=event.user_id,
        topic="account.security_changed",
        title=change,
        body=f"From {event.address}, {at}. If it was not you, change your password and end the other sessions.",
        data={"what": event.what, "address": event.address},
        template="security_changed",
        email_data={"changed": change, "address": event.address, "at": at} | _to(event.email),
    )


def _email_only(template: str, user_id: UUID, sealed: str, expires_at: datetime, *, to: str | None = None) -> Notice:
    """Not in the app: a person who is signed in there need not be the one who reads the mailbox."""
    return Notice(
        user_id=user_id,
        topic=f"account.{template}",
        template=template,
        email_data={"sealed": sealed, "expires_at": expires_at.isoformat()} | _to(to),
    )


def _to(address: str | None) -> dict[str, str]:
    return {"to": address} if address else {}


ACCOUNT_NOTICES: Mapping[type[Event], Callable[[Any], Notice]] = {
    UserRegistered: welcome,
    RegistrationAttempted: already_registered,
    EmailConfirmationRequested: confirm_email,
    EmailChangeRequested: change_email,
    PasswordResetRequested: reset_password,
    PasswordChanged: password_changed,
    NewDeviceSeen: new_device,
    SecurityChanged: security_changed,
}
