"""Events of messaging. `recipient` is an E.164 number."""

from typing import ClassVar
from uuid import UUID

from common.contracts.data_export import DataExportPart
from common.contracts.event import Event


class MessageQueued(Event):
    """A message was accepted for sending."""

    type: ClassVar[str] = "messaging.message.queued.v1"
    subject_field: ClassVar[str] = "message_id"

    message_id: UUID
    user_id: UUID
    channel: str
    recipient: str
    client_ref: str | None = None


class MessageSent(Event):
    """The provider accepted the message."""

    type: ClassVar[str] = "messaging.message.sent.v1"
    subject_field: ClassVar[str] = "message_id"

    message_id: UUID
    user_id: UUID
    channel: str
    provider_id: str | None = None


class MessageDelivered(Event):
    """The message reached the recipient's device."""

    type: ClassVar[str] = "messaging.message.delivered.v1"
    subject_field: ClassVar[str] = "message_id"

    message_id: UUID
    user_id: UUID
    channel: str


class MessageFailed(Event):
    """The message will not be delivered."""

    type: ClassVar[str] = "messaging.message.failed.v1"
    subject_field: ClassVar[str] = "message_id"

    message_id: UUID
    user_id: UUID
    channel: str
    code: str
    message: str = ""


class MessagingDataGathered(DataExportPart, Event):
    """A part of the personal data that messaging stores about a user, for a data export."""

    type: ClassVar[str] = "messaging.personal_data.gathered.v1"
    subject_field: ClassVar[str] = "export_id"
