"""Events of auth."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from common.contracts.event import Event


class Person(BaseModel):
    """What others need to reach and address the person."""

    model_config = ConfigDict(frozen=True)

    user_id: UUID
    email: str
    username: str | None = None
    first_name: str = ""
    last_name: str = ""
    phone: str | None = None
    language: str = "en"
    time_zone: str = "UTC"
    roles: tuple[str, ...] = ()
    max_messages_per_day: int | None = None


class UserRegistered(Person, Event):
    """An account exists."""

    type: ClassVar[str] = "auth.user.registered.v1"
    subject_field: ClassVar[str] = "user_id"


class UserUpdated(Person, Event):
    """Profile or contact data changed; the whole new state, not a difference."""

    type: ClassVar[str] = "auth.user.updated.v1"
    subject_field: ClassVar[str] = "user_id"


class EmailConfirmationRequested(Person, Event):
    """Somebody is to prove that the address is theirs.

    `sealed` holds `code` and `link`, for `confirm_email/<user_id>` (common.security.encryption); without a code, only
    the link works. Both expire at `expires_at`.
    """

    type: ClassVar[str] = "auth.email.confirmation_requested.v1"
    subject_field: ClassVar[str] = "user_id"

    sealed: str
    expires_at: datetime


class EmailConfirmed(Person, Event):
    """The address is the person's: they read what was sent there."""

    type: ClassVar[str] = "auth.email.confirmed.v1"
    subject_field: ClassVar[str] = "user_id"


class EmailChangeRequested(Event):
    """The owner of the account wants `email` as its address; `sealed` is for `change_email/<user_id>`, else as for
    confirmation."""

    type: ClassVar[str] = "auth.email.change_requested.v1"
    subject_field: ClassVar[str] = "user_id"

    user_id: UUID
    email: str
    sealed: str
    expires_at: datetime


class PasswordResetRequested(Person, Event):
    """Somebody asked to choose a new password; `sealed` is for `reset_password/<user_id>`, else as for confirmation."""

    type: ClassVar[str] = "auth.password.reset_requested.v1"
    subject_field: ClassVar[str] = "user_id"

    sealed: str
    expires_at: datetime


class PasswordChanged(Person, Event):
    """The account has a new password, chosen by its owner or after a reset."""

    type: ClassVar[str] = "auth.password.changed.v1"
    subject_field: ClassVar[str] = "user_id"


class UserDeactivated(Event):
    """The account may no longer sign in."""

    type: ClassVar[str] = "auth.user.deactivated.v1"
    subject_field: ClassVar[str] = "user_id"

    user_id: UUID


class UserErased(Event):
    """Nothing personal is left of the account; whoever keeps something of the person erases it too."""

    type: ClassVar[str] = "auth.user.erased.v1"
    subject_field: ClassVar[str] = "user_id"

    user_id: UUID


class SessionRevoked(Event):
    """Tokens of this session are refused from now on; `expires_at` is when the last of them would have ended."""

    type: ClassVar[str] = "auth.session.revoked.v1"
    subject_field: ClassVar[str] = "session_id"

    session_id: UUID
    user_id: UUID
    expires_at: datetime
    reason: str


class ApiKeyRevoked(Event):
    """The key opens nothing any more; its tokens end with the session that SessionRevoked names."""

    type: ClassVar[str] = "auth.api_key.revoked.v1"
    subject_field: ClassVar[str] = "api_key_id"

    api_key_id: UUID
    user_id: UUID
    public_id: str


class SigningKeysWithdrawn(Event):
    """Tokens signed with one of `key_ids` are refused from now on; `active_key_id` signs."""

    type: ClassVar[str] = "auth.signing_keys.withdrawn.v1"
    subject_field: ClassVar[str] = "active_key_id"

    active_key_id: str
    key_ids: tuple[str, ...]


class NewDeviceSeen(Event):
    """Someone signed in on a device that the account was never used on before; never said of its first."""

    type: ClassVar[str] = "auth.new_device.seen.v1"
    subject_field: ClassVar[str] = "user_id"

    user_id: UUID
    device_id: UUID
    name: str
    address: str
    seen_at: datetime


class SecurityChanged(Event):
    """Who can sign in to the account, or how, changed; its owner should hear of it.

    `what` is `totp_on`, `totp_off`, `recovery_codes_renewed`, `passkey_added`, `passkey_removed`, `identity_linked`,
    `identity_unlinked`, `api_key_made` or `email_changed`; others may follow. `address` is where it was done from,
    `email` where the owner is to be told when that is not the account's address: after a change of it, the former one.
    """

    type: ClassVar[str] = "auth.security.changed.v1"
    subject_field: ClassVar[str] = "user_id"

    user_id: UUID
    what: str
    address: str
    at: datetime
    email: str | None = None


class ExportRequested(Event):
    """A person wants to see what is kept about them. Every service answers with its part, sealed for `public_key`
    (X25519, base64url), until `expires_at`."""

    type: ClassVar[str] = "auth.export.requested.v1"
    subject_field: ClassVar[str] = "export_id"

    export_id: UUID
    user_id: UUID
    public_key: str
    expires_at: datetime
