"""Creating notifications and marking them as read."""

import json
from collections.abc import Sequence
from uuid import UUID

from common import clock
from common.contracts.notifications import NotificationCreated
from common.ids import new_id
from common.persistence.transaction import Transaction
from notifications.errors import NotificationNotFound
from notifications.inbox import store
from notifications.inbox.domain import NewNotification


async def create_notifications(tx: Transaction, notifications: Sequence[NewNotification]) -> None:
    """Store the notifications in one statement and publish a NotificationCreated for each new one."""
    if not notifications:
        return
    ids = [new_id() for _ in notifications]
    rows = [_row(tx, id_, notification) for id_, notification in zip(ids, notifications, strict=True)]
    inserted = await store.insert_notifications(tx, rows, clock.now())
    for id_, notification in zip(ids, notifications, strict=True):
        if id_ in inserted:
            tx.publish(_created(id_, notification), cause=notification.cause)


async def mark_read(tx: Transaction, user_id: UUID, notification_id: UUID) -> int:
    """1 if it was unread, else 0. Raises NotificationNotFound if the user has no such notification."""
    if not await store.exists(tx, user_id, notification_id):
        raise NotificationNotFound
    return await store.mark_read(tx, user_id, [notification_id], clock.now())


def _row(tx: Transaction, id_: UUID, new: NewNotification) -> tuple[object, ...]:
    cause = tx.cloud_event_of(new.cause).id
    return id_, new.user_id, new.topic, new.title, new.body, json.dumps(new.data), cause


def _created(notification_id: UUID, new: NewNotification) -> NotificationCreated:
    return NotificationCreated(notification_id=notification_id, user_id=new.user_id, topic=new.topic, title=new.title)
