"""In-app notifications of the caller."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from common.openapi.example_values import ORDER
from common.web.dependencies import Begin, Caller
from common.web.envelope import Envelope, ok
from common.web.pagination import Cursor, meta_of, position
from notifications.queries import notifications_of, unread_count
from notifications.tables import NotificationRow
from notifications.usecases import mark_read
from notifications.usecases.delete_notification import delete_notification

router = APIRouter(prefix="/notifications", tags=["notifications"])


class NotificationView(BaseModel):
    id: UUID
    topic: str
    title: Annotated[str, Field(examples=["Order confirmed"])]
    body: str
    data: Annotated[dict[str, Any], Field(examples=[{"order_id": ORDER}])]
    is_read: bool
    created_at: datetime

    @classmethod
    def of(cls, row: NotificationRow) -> "NotificationView":
        return cls(
            id=row.id,
            topic=row.topic,
            title=row.title,
            body=row.body,
            data=row.data,
            is_read=row.read_at is not None,
            created_at=row.created_at,
        )


class UnreadCount(BaseModel):
    count: int


class MarkSome(BaseModel):
    model_config = ConfigDict(extra="forbid")

    ids: Annotated[list[UUID], Field(min_length=1, max_length=500)]


class MarkAll(BaseModel):
    model_config = ConfigDict(extra="forbid")

    all: Literal[True]


class Marked(BaseModel):
    """How many were unread until now, and how many still are."""

    updated: int
    count: int


@router.get("", summary="List notifications")
async def get_notifications(
    caller: Caller, begin: Begin, cursor: Cursor, is_read: bool | None = None
) -> Envelope[list[NotificationView]]:
    """Newest first."""
    before = position(cursor, UUID)
    async with begin() as tx:
        rows = await notifications_of(tx, caller.user_id, is_read=is_read, before=before, limit=cursor.limit)
    return ok([NotificationView.of(row) for row in rows], meta=meta_of(rows, cursor.limit))


@router.get("/unread-count", summary="How many are unread")
async def get_unread_count(caller: Caller, begin: Begin) -> Envelope[UnreadCount]:
    async with begin() as tx:
        return ok(UnreadCount(count=await unread_count(tx, caller.user_id)))


@router.post("/read", summary="Mark notifications as read")
async def post_read(body: MarkSome | MarkAll, caller: Caller, begin: Begin) -> Envelope[Marked]:
    """Either `{"ids": […]}` or `{"all": true}`."""
    async with begin() as tx:
        match body:
            case MarkSome(ids=ids):
                updated = await mark_read.mark_some_read(tx, caller.user_id, ids)
            case MarkAll():
                updated = await mark_read.mark_all_read(tx, caller.user_id)
        left = await unread_count(tx, caller.user_id)
    return ok(Marked(updated=updated, count=left), "Marked as read")


@router.post("/{notification_id}/read", summary="Mark one notification as read")
async def post_notification_read(notification_id: UUID, caller: Caller, begin: Begin) -> Envelope[Marked]:
    async with begin() as tx:
        updated = await mark_read.mark_read(tx, caller.user_id, notification_id)
        left = await unread_count(tx, caller.user_id)
    return ok(Marked(updated=updated, count=left), "Marked as read")


@router.delete("/{notification_id}", status_code=204, summary="Delete a notification")
async def delete_one(notification_id: UUID, caller: Caller, begin: Begin) -> None:
    async with begin() as tx:
        await delete_notification(tx, caller.user_id, notification_id)
