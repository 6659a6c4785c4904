"""Events of auth."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from common.contracts.event import Event


class Person(BaseModel):
    """A user's contact data and settings that other services need."""

    model_config = ConfigDict(frozen=True)

    user_id: UUID
    email: str
    username: str | None = None
    first_name: str = ""
    last_name: str = ""
    phone: str | None = None
    whatsapp_number: str | None = None
    language: str = "en"
    time_zone: str = "UTC"
    roles: tuple[str, ...] = ()
    max_messages_per_day: int | None = None


class UserRegistered(Person, Event):
    """An account was created."""

    type: ClassVar[str] = "auth.user.registered.v1"
    subject_field: ClassVar[str] = "user_id"


class RegistrationAttempted(Event):
    """Somebody tried to register with the address of this account, and was not told that it has one.

    `address` is the IP address of the client.
    """

    type: ClassVar[str] = "auth.registration.attempted.v1"
    subject_field: ClassVar[str] = "user_id"

    user_id: UUID
    address: str
    at: datetime


class UserUpdated(Person, Event):
    """The profile or contact data changed; the event carries the whole new state."""

    type: ClassVar[str] = "auth.user.updated.v1"
    subject_field: ClassVar[str] = "user_id"


class EmailConfirmationRequested(Person, Event):
    """The user must confirm the e-mail address.

    `sealed` holds `code` and `link`, encrypted for the purpose `confirm_email/<user_id>` (common.security.encryption);
    without a code, only the link works. Both expire at `expires_at`.
    """

    type: ClassVar[str] = "auth.email.confirmation_requested.v1"
    subject_field: ClassVar[str] = "user_id"

    sealed: str
    expires_at: datetime


class EmailConfirmed(Person, Event):
    """The user has confirmed the e-mail address."""

    type: ClassVar[str] = "auth.email.confirmed.v1"
    subject_field: ClassVar[str] = "user_id"


class EmailChangeRequested(Event):
    """The user wants `email` as the account's address and must confirm it.

    `sealed` is as in EmailConfirmationRequested, for the purpose `change_email/<user_id>`.
    """

    type: ClassVar[str] = "auth.email.change_requested.v1"
    subject_field: ClassVar[str] = "user_id"

    user_id: UUID
    email: str
    sealed: str
    expires_at: datetime


class PasswordResetRequested(Person, Event):
    """A password reset was requested.

    `sealed` is as in EmailConfirmationRequested, for the purpose `reset_password/<user_id>`.
    """

    type: ClassVar[str] = "auth.password.reset_requested.v1"
    subject_field: ClassVar[str] = "user_id"

    sealed: str
    expires_at: datetime


class PasswordChanged(Person, Event):
    """The account has a new password, after a change or a reset."""

    type: ClassVar[str] = "auth.password.changed.v1"
    subject_field: ClassVar[str] = "user_id"


class UserDeactivated(Event):
    """The account may no longer sign in."""

    type: ClassVar[str] = "auth.user.deactivated.v1"
    subject_field: ClassVar[str] = "user_id"

    user_id: UUID


class UserErased(Event):
    """The account was erased; every service erases the personal data that it stores."""

    type: ClassVar[str] = "auth.user.erased.v1"
    subject_field: ClassVar[str] = "user_id"

    user_id: UUID


class SessionRevoked(Event):
    """Tokens of this session are rejected from now on; `expires_at` is when the last of them expires."""

    type: ClassVar[str] = "auth.session.revoked.v1"
    subject_field: ClassVar[str] = "session_id"

    session_id: UUID
    user_id: UUID
    expires_at: datetime
    reason: str


class ApiKeyRevoked(Event):
    """The API key is revoked; its tokens end with the session that SessionRevoked names."""

    type: ClassVar[str] = "auth.api_key.revoked.v1"
    subject_field: ClassVar[str] = "api_key_id"

    api_key_id: UUID
    user_id: UUID
    public_id: str


class SigningKeysWithdrawn(Event):
    """Tokens signed with one of `key_ids` are rejected from now on; `active_key_id` is the new signing key."""

    type: ClassVar[str] = "auth.signing_keys.withdrawn.v1"
    subject_field: ClassVar[str] = "active_key_id"

    active_key_id: str
    key_ids: tuple[str, ...]


class NewDeviceSeen(Event):
    """The account was used on a new device; not published for its first device."""

    type: ClassVar[str] = "auth.new_device.seen.v1"
    subject_field: ClassVar[str] = "user_id"

    user_id: UUID
    device_id: UUID
    name: str
    address: str
    seen_at: datetime


class SecurityChanged(Event):
    """The ways to sign in to the account changed; its owner is to be notified.

    - `what` is `totp_on`, `totp_off`, `recovery_codes_renewed`, `passkey_added`, `passkey_removed`, `identity_linked`,
      `identity_unlinked`, `api_key_made` or `email_changed`; others may follow.
    - `address` is the IP address of the client that made the change.
    - `email` is where to notify the owner if not at the account's address: after a change of it, the previous one.
    """

    type: ClassVar[str] = "auth.security.changed.v1"
    subject_field: ClassVar[str] = "user_id"

    user_id: UUID
    what: str
    address: str
    at: datetime
    email: str | None = None


class ExportRequested(Event):
    """A user requested a data export.

    Until `expires_at`, every service publishes the personal data that it stores, encrypted for `public_key` (X25519,
    base64url).
    """

    type: ClassVar[str] = "auth.export.requested.v1"
    subject_field: ClassVar[str] = "export_id"

    export_id: UUID
    user_id: UUID
    public_key: str
    expires_at: datetime
