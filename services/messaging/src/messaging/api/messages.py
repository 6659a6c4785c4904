"""The caller's messages: send one, list them, look at one."""

from collections.abc import Callable
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from common.web.dependencies import Begin, Caller
from common.web.envelope import Envelope, accepted, ok
from common.web.fields import Instant
from common.web.idempotency import Idempotency
from common.web.pagination import Cursor, meta_of, position
from messaging.api.views import MessageHistory, MessageView, Status
from messaging.domain.drafts import Channel
from messaging.domain.phones import E164
from messaging.queries import Wanted, message_of, messages_of, reports_of
from messaging.usecases.send_text import send_text

router = APIRouter(prefix="/messages", tags=["messages"])


class SendText(BaseModel):
    model_config = ConfigDict(extra="forbid")

    recipient: Annotated[str, Field(pattern=E164, description="E.164", examples=["+255712345678"])]
    text: Annotated[str, Field(min_length=1, max_length=4096)]
    channel: Channel
    client_ref: Annotated[str, Field(min_length=1, max_length=100)] | None = None


async def _wanted(
    *,
    status: Status | None = None,
    channel: Channel | None = None,
    recipient: Annotated[str | None, Query(max_length=16)] = None,
    since: Annotated[Instant | None, Query(alias="from", description="inclusive")] = None,
    until: Annotated[Instant | None, Query(alias="to", description="exclusive")] = None,
) -> Wanted:
    return Wanted(status, channel, recipient, since, until)


@router.post("/send-text", status_code=202, response_model=Envelope[MessageView], summary="Send a text message")
async def post_send_text(
    body: SendText, request: Request, caller: Caller, begin: Begin, *, idempotency: Idempotency
) -> Any:
    """Queue a text message. 429 when the day's messages are spent."""
    wake_courier: Callable[[], None] = request.app.state.wake_courier
    limit: int = request.app.state.messages_per_day
    async with begin() as tx:
        if (replay := await idempotency.begin(tx, caller.user_id, body)) is not None:
            return replay
        message_id = await send_text(tx, caller.user_id, **body.model_dump(), limit=limit)
        answer = accepted(MessageView.of(await message_of(tx, caller.user_id, message_id)), "Queued")
        await idempotency.store(tx, answer, status_code=202)
        tx.after_commit(wake_courier)
    return answer


@router.get("", summary="List messages")
async def get_messages(
    caller: Caller, begin: Begin, cursor: Cursor, wanted: Annotated[Wanted, Depends(_wanted)]
) -> Envelope[list[MessageView]]:
    """Newest first."""
    before = position(cursor, UUID)
    async with begin() as tx:
        rows = await messages_of(tx, caller.user_id, wanted, before=before, limit=cursor.limit)
    return ok([MessageView.of(row) for row in rows], meta=meta_of(rows, cursor.limit))


@router.get("/{message_id}", summary="One message and its history")
async def get_message(message_id: UUID, caller: Caller, begin: Begin) -> Envelope[MessageHistory]:
    """With everything that is known to have happened to it."""
    async with begin() as tx:
        message = await message_of(tx, caller.user_id, message_id)
        reports = await reports_of(tx, message_id)
    return ok(MessageHistory.told(message, reports))
