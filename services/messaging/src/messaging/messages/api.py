"""The caller's messages: send one, list them, read one."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from common.ids import canonical_uuid
from common.openapi.errors import errors
from common.web.days import Period
from common.web.dependencies import Begin, Caller
from common.web.envelope import Envelope, accepted, ok
from common.web.fields import Phone
from common.web.idempotency import IDEMPOTENCY_ERRORS, Idempotency, replayed
from common.web.listing import SearchText
from common.web.pagination import Cursor, InvalidCursor, meta_of, position
from common.web.people import PHONE
from common.web.text import NFC
from messaging.errors import ClientRefUsed, QuotaExceeded
from messaging.messages import store
from messaging.messages.domain import Channel
from messaging.messages.store import MessageFilter
from messaging.messages.tables import MessageReportRow, MessageRow
from messaging.messages.usecases.queue_messages import send_text

router = APIRouter(prefix="/messages", tags=["messages"])

Status = Literal["queued", "sent", "delivered", "read", "failed"]

MessageText = Annotated[str, Field(examples=["Habari! Your kanga is ready to be picked up."])]
ClientRef = Annotated[str, Field(description="the sender's own reference", examples=["order-7"])]


@dataclass(frozen=True, slots=True)
class MessageSending:
    """`messages_per_day` is the limit of users without one of their own."""

    messages_per_day: int
    wake_sender: Callable[[], None]


async def _message_sending(request: Request) -> MessageSending:
    sending: MessageSending = request.app.state.message_sending
    return sending


class SendText(BaseModel):
    model_config = ConfigDict(extra="forbid")

    recipient: Annotated[Phone, Field(max_length=40), PHONE]
    text: Annotated[MessageText, Field(min_length=1, max_length=4096), NFC]
    channel: Channel
    client_ref: Annotated[ClientRef, Field(min_length=1, max_length=100), NFC] | None = None


class MessageError(BaseModel):
    code: Annotated[str, Field(examples=["recipient_unreachable"])]
    message: Annotated[str, Field(examples=["This number cannot receive messages"])]


class MessageView(BaseModel):
    id: UUID
    channel: Channel
    recipient: Phone
    type: Annotated[str, Field(examples=["text"])]
    text: MessageText
    media_url: Annotated[str | None, Field(examples=[None])]
    status: Status
    error: Annotated[MessageError | None, Field(examples=[None])]
    client_ref: ClientRef | None
    queued_at: datetime
    sent_at: datetime | None
    delivered_at: datetime | None
    read_at: datetime | None

    @classmethod
    def of(cls, row: MessageRow) -> "MessageView":
        return cls.model_validate(_fields(row))


class MessageEvent(BaseModel):
    """A change of the message's status; `at` is the time that the provider reported."""

    status: Status
    at: datetime
    code: Annotated[str | None, Field(examples=[None])] = None
    detail: Annotated[str | None, Field(examples=[None])] = None


class MessageHistory(MessageView):
    events: list[MessageEvent]

    @classmethod
    def with_reports(cls, row: MessageRow, reports: Iterable[MessageReportRow]) -> "MessageHistory":
        queued = {"status": "queued", "at": row.queued_at}
        reported = [report.model_dump(include={"status", "at", "code", "detail"}) for report in reports]
        return cls.model_validate(_fields(row) | {"events": [queued, *reported]})


def _fields(row: MessageRow) -> dict[str, object]:
    failure = {"code": row.error_code, "message": row.error_message or ""} if row.error_code else None
    status = "queued" if row.status == "sending" else row.status
    return row.model_dump() | {"status": status, "error": failure, "media_url": None}


async def _filter(
    *,
    status: Status | None = None,
    channel: Channel | None = None,
    recipient: Annotated[Annotated[Phone, Field(max_length=40), PHONE] | None, Query()] = None,
    period: Period,
    search: Annotated[
        SearchText | None, Query(description="part of the text, the recipient or your reference", examples=["kanga"])
    ] = None,
) -> MessageFilter:
    return MessageFilter(status, channel, recipient, period.since, period.until, search or None)


@router.post(
    "/send-text",
    status_code=202,
    response_model=Envelope[MessageView],
    responses=errors(ClientRefUsed, QuotaExceeded, *IDEMPOTENCY_ERRORS),
    summary="Send a text message",
)
async def post_send_text(
    body: SendText,
    caller: Caller,
    begin: Begin,
    sending: Annotated[MessageSending, Depends(_message_sending)],
    *,
    idempotency: Idempotency,
) -> Any:
    """Queue a text message. 429 when the day's messages are used up."""
    async with begin() as tx:
        first_id = await idempotency.begin(tx, caller.user_id, body)
        message_id = first_id or await send_text(
            tx, caller.user_id, **body.model_dump(), limit=sending.messages_per_day
        )
        answer = accepted(MessageView.of(await store.get_message(tx, caller.user_id, message_id)), "Queued")
        if first_id is not None:
            return replayed(answer, status_code=202)
        await idempotency.store(tx, answer, status_code=202)
        tx.after_commit(sending.wake_sender)
    return answer


@router.get("", summary="List messages", responses=errors(InvalidCursor))
async def get_messages(
    caller: Caller, begin: Begin, cursor: Cursor, wanted: Annotated[MessageFilter, Depends(_filter)]
) -> Envelope[list[MessageView]]:
    """Newest first."""
    before = position(cursor, canonical_uuid)
    async with begin() as tx:
        rows = await store.list_messages(tx, caller.user_id, wanted, before=before, limit=cursor.limit)
    return ok([MessageView.of(row) for row in rows], meta=meta_of(rows, cursor.limit))


@router.get("/{message_id}", summary="One message and its history")
async def get_message(message_id: UUID, caller: Caller, begin: Begin) -> Envelope[MessageHistory]:
    """With every status that was reported."""
    async with begin() as tx:
        message = await store.get_message(tx, caller.user_id, message_id)
        reports = await store.list_reports(tx, message_id)
    return ok(MessageHistory.with_reports(message, reports))
