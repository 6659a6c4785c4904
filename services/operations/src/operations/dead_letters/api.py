"""Dead letters, for staff: list, replay, discard."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from common.ids import canonical_uuid
from common.openapi.errors import errors
from common.security.tokens import Identity
from common.web.days import Period
from common.web.dependencies import Begin, may
from common.web.envelope import Envelope, accepted, ok
from common.web.fields import ErrorText, EventType, RequestId
from common.web.listing import SearchText
from common.web.pagination import Cursor, InvalidCursor, meta_of, position
from operations.dead_letters import store
from operations.dead_letters.domain import parse_payload
from operations.dead_letters.tables import DeadLetterRow
from operations.dead_letters.usecases import MAX_REPLAYED, discard, replay, replay_many
from operations.errors import AlreadyDecided, UnreadableEvent
from operations.journal.domain import mask_secrets

router = APIRouter(prefix="/dead-letters", tags=["dead letters"])

Operator = Annotated[Identity, may("dead_letters.manage")]

Queue = Annotated[str, Field(examples=["notifications.orders.v1"])]
State = Literal["waiting", "replayed", "discarded"]


class DeadLetterView(BaseModel):
    """`attempts` were made before the last failure; `deaths` counts failures, those after replays included.

    `payload` is the event's data. If it is not JSON, it is text or, after the prefix `base64:`, encoded bytes.
    """

    id: UUID
    queue: Queue
    event_id: UUID
    type: EventType
    source: Annotated[str, Field(examples=["orders"])]
    subject: Annotated[str, Field(examples=["019c1f0c-7a10-7b3e-9f52-6a1f0c9d2e11"])]
    time: datetime
    correlation_id: RequestId
    causation_id: Annotated[str | None, Field(examples=["019c1f0c-7a10-7b3e-9f52-6a1f0c9d2e12"])]
    payload: Annotated[Any, Field(examples=[{"order_id": "019c1f0c-7a10-7b3e-9f52-6a1f0c9d2e11"}])]
    error: ErrorText
    attempts: Annotated[int, Field(examples=[5])]
    deaths: Annotated[int, Field(examples=[1])]
    state: State
    first_died_at: datetime
    last_died_at: datetime
    decided_at: datetime | None
    decided_by: UUID | None

    @classmethod
    def of(cls, row: DeadLetterRow) -> "DeadLetterView":
        return cls.model_validate(row.model_dump() | {"payload": mask_secrets(parse_payload(row.payload))})


class ReplayMany(BaseModel):
    """Which waiting dead letters: of a queue, with these ids, or both; without either, all."""

    model_config = ConfigDict(extra="forbid")

    queue: Annotated[Queue, Field(max_length=200)] | None = None
    ids: list[UUID] | None = Field(None, min_length=1, max_length=MAX_REPLAYED)


class Replayed(BaseModel):
    replayed: Annotated[int, Field(examples=[3])]


@router.get("", summary="List dead letters", responses=errors(InvalidCursor))
async def get_dead_letters(
    _: Operator,
    begin: Begin,
    cursor: Cursor,
    *,
    queue: Annotated[Queue | None, Query(max_length=200)] = None,
    type: Annotated[EventType | None, Query(max_length=200)] = None,  # noqa: A002 (the name in the query string)
    state: State | None = None,
    period: Period,
    search: Annotated[
        SearchText | None, Query(description="part of the type, the queue, the subject or the error", examples=["mail"])
    ] = None,
) -> Envelope[list[DeadLetterView]]:
    """Newest first."""
    filters = {"queue": queue, "type": type, "state": state}
    before = position(cursor, canonical_uuid)
    async with begin() as tx:
        rows = await store.list_dead_letters(
            tx, filters=filters, period=period, search=search or None, before=before, limit=cursor.limit
        )
    return ok([DeadLetterView.of(row) for row in rows], meta=meta_of(rows, cursor.limit))


@router.post("/replay", status_code=202, summary="Replay many dead letters")
async def post_replay_many(body: ReplayMany, caller: Operator, begin: Begin) -> Envelope[Replayed]:
    """Replay the oldest waiting ones, at most 500 per request; without queue and ids, of all queues."""
    async with begin() as tx:
        count = await replay_many(tx, body.queue, body.ids, caller.user_id)
    return accepted(Replayed(replayed=count), f"{count} on their way")


@router.get("/{dead_letter_id}", summary="One dead letter")
async def get_dead_letter(dead_letter_id: UUID, _: Operator, begin: Begin) -> Envelope[DeadLetterView]:
    async with begin() as tx:
        row = await store.get_dead_letter(tx, dead_letter_id)
    return ok(DeadLetterView.of(row))


@router.post(
    "/{dead_letter_id}/replay",
    status_code=202,
    responses=errors(AlreadyDecided, UnreadableEvent),
    summary="Replay a dead letter",
)
async def post_replay(dead_letter_id: UUID, caller: Operator, begin: Begin) -> Envelope[DeadLetterView]:
    """Send it to its queue again, under the same event id: a consumer that did handle it does not handle it twice."""
    async with begin() as tx:
        view = DeadLetterView.of(await replay(tx, dead_letter_id, caller.user_id))
    return accepted(view, "On its way")


@router.post("/{dead_letter_id}/discard", responses=errors(AlreadyDecided), summary="Discard a dead letter")
async def post_discard(dead_letter_id: UUID, caller: Operator, begin: Begin) -> Envelope[DeadLetterView]:
    async with begin() as tx:
        view = DeadLetterView.of(await discard(tx, dead_letter_id, caller.user_id))
    return ok(view, "Discarded")
