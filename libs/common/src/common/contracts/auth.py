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


class UserRegistered(Person, Event):
    """An account exists."""

    type: ClassVar[str] = "auth.user.registered.v1"
    subject_field: ClassVar[str] = "user_id"


class UserUpdated(Person, Event):
    """Profile or contact data changed; the whole new state, not a difference."""

    type: ClassVar[str] = "auth.user.updated.v1"
    subject_field: ClassVar[str] = "user_id"


class UserDeactivated(Event):
    """The account may no longer sign in."""

    type: ClassVar[str] = "auth.user.deactivated.v1"
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
