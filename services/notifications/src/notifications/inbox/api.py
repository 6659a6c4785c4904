"""The caller's in-app notifications."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from common import clock
from common.ids import canonical_uuid
from common.openapi.errors import errors
from common.web.days import Period
from common.web.dependencies import Begin, Caller
from common.web.envelope import Envelope, ok
from common.web.fields import Count
from common.web.listing import SearchText
from common.web.pagination import Cursor, InvalidCursor, meta_of, position
from notifications.errors import NotificationNotFound
from notifications.inbox import store
from notifications.inbox.tables import NotificationRow
from notifications.inbox.usecases import mark_read

router = APIRouter(prefix="/notifications", tags=["notifications"])

ORDER_DATA = {"order_id": "019c1f0c-7a10-7b3e-9f52-6a1f0c9d2e11", "number": "DK-2026-000042"}


class NotificationView(BaseModel):
    id: UUID
    topic: Annotated[str, Field(examples=["order.confirmed"])]
    title: Annotated[str, Field(examples=["Order DK-2026-000042 is confirmed"])]
    body: Annotated[str, Field(examples=["We received TZS 2,500.00 and are preparing your order."])]
    data: Annotated[dict[str, Any], Field(examples=[ORDER_DATA])]
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
    count: Count


class MarkSome(BaseModel):
    model_config = ConfigDict(extra="forbid")

    ids: Annotated[list[UUID], Field(min_length=1, max_length=500)]


class MarkAll(BaseModel):
    model_config = ConfigDict(extra="forbid")

    all: Literal[True]


class Marked(BaseModel):
    """`updated` notifications were marked as read; `count` are still unread."""

    updated: Annotated[int, Field(examples=[1])]
    count: Count


@router.get("", summary="List notifications", responses=errors(InvalidCursor))
async def get_notifications(
    *,
    caller: Caller,
    begin: Begin,
    cursor: Cursor,
    is_read: bool | None = None,
    period: Period,
    search: Annotated[
        SearchText | None, Query(description="part of the title, the body or the topic", examples=["confirmed"])
    ] = None,
) -> Envelope[list[NotificationView]]:
    """Newest first."""
    wanted = store.NotificationFilter(is_read, period, search or None)
    before = position(cursor, canonical_uuid)
    async with begin() as tx:
        rows = await store.list_notifications(tx, caller.user_id, wanted, before=before, limit=cursor.limit)
    return ok([NotificationView.of(row) for row in rows], meta=meta_of(rows, cursor.limit))


@router.get("/unread-count", summary="How many are unread")
async def get_unread_count(caller: Caller, begin: Begin) -> Envelope[UnreadCount]:
    async with begin() as tx:
        return ok(UnreadCount(count=await store.unread_count(tx, caller.user_id)))


@router.post("/read", summary="Mark notifications as read")
async def post_read(body: MarkSome | MarkAll, caller: Caller, begin: Begin) -> Envelope[Marked]:
    """Either `{"ids": […]}` or `{"all": true}`."""
    now = clock.now()
    async with begin() as tx:
        match body:
            case MarkSome(ids=ids):
                updated = await store.mark_read(tx, caller.user_id, ids, now)
            case MarkAll():
                updated = await store.mark_all_read(tx, caller.user_id, now)
        unread = await store.unread_count(tx, caller.user_id)
    return ok(Marked(updated=updated, count=unread), "Marked as read")


@router.post("/{notification_id}/read", summary="Mark one notification as read")
async def post_notification_read(notification_id: UUID, caller: Caller, begin: Begin) -> Envelope[Marked]:
    async with begin() as tx:
        updated = await mark_read(tx, caller.user_id, notification_id)
        unread = await store.unread_count(tx, caller.user_id)
    return ok(Marked(updated=updated, count=unread), "Marked as read")


@router.delete("/{notification_id}", status_code=204, summary="Delete a notification")
async def delete_one(notification_id: UUID, caller: Caller, begin: Begin) -> None:
    async with begin() as tx:
        if not await store.delete_notification(tx, caller.user_id, notification_id):
            raise NotificationNotFound
