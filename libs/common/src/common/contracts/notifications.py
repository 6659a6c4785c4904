"""Events of notifications."""

from typing import ClassVar
from uuid import UUID

from common.contracts.data_export import DataExportPart
from common.contracts.event import Event


class NotificationCreated(Event):
    """A user has a new in-app notification."""

    type: ClassVar[str] = "notifications.notification.created.v1"
    subject_field: ClassVar[str] = "notification_id"

    notification_id: UUID
    user_id: UUID
    topic: str
    title: str


class EmailSent(Event):
    """The mail server accepted the e-mail."""

    type: ClassVar[str] = "notifications.email.sent.v1"
    subject_field: ClassVar[str] = "email_id"

    email_id: UUID
    user_id: UUID
    template: str


class EmailFailed(Event):
    """The e-mail will not be sent: it was rejected permanently, or all attempts failed."""

    type: ClassVar[str] = "notifications.email.failed.v1"
    subject_field: ClassVar[str] = "email_id"

    email_id: UUID
    user_id: UUID
    template: str
    reason: str


class NotificationsDataGathered(DataExportPart, Event):
    """A part of the personal data that notifications stores about a user, for a data export."""

    type: ClassVar[str] = "notifications.personal_data.gathered.v1"
    subject_field: ClassVar[str] = "export_id"
