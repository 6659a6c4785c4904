"""The table of in-app notifications."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field

from common.persistence.tables import json_column, timestamp
from notifications.schema import Table


class NotificationRow(Table, table=True):
    """An in-app notification; `cause` is the id of the event that led to it."""

    __tablename__ = "notification"
    __table_args__ = (
        UniqueConstraint("cause", name="notification_once_per_cause"),
        Index("notification_of_user", "user_id", text("id DESC")),
        Index("notification_unread", "user_id", postgresql_where=text("read_at IS NULL")),
    )

    id: UUID = Field(primary_key=True)
    user_id: UUID
    topic: str
    title: str
    body: str
    data: dict[str, Any] = json_column()
    cause: UUID
    created_at: datetime = timestamp()
    read_at: datetime | None = timestamp(nullable=True)
