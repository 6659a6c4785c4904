"""Dead letters: what was given up, and what to do about it."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from common.security.tokens import Identity
from common.web.dependencies import Begin, may
from common.web.envelope import Envelope, accepted, ok
from common.web.pagination import Cursor, meta_of, position
from operations import queries
from operations.domain.payload import readable
from operations.tables import DeadLetterRow
from operations.usecases.discard import discard
from operations.usecases.replay import AT_ONCE, replay, replay_many

router = APIRouter(prefix="/dead-letters", tags=["dead letters"])

Operator = Annotated[Identity, may("dead_letters.manage")]

Text = Annotated[str | None, Query(max_length=200)]


class DeadLetterView(BaseModel):
    """`attempts` were made before the last death, `deaths` counts replays too. `state`: waiting, replayed, discarded.

    `payload` is the event's data; what is no JSON is shown as text or, with `base64:` before it, encoded.
    """

    id: UUID
    queue: str
    event_id: UUID
    type: Annotated[str, Field(examples=["orders.order.confirmed.v1"])]
    source: str
    subject: str
    time: datetime
    correlation_id: str
    causation_id: str | None
    payload: Any
    error: Annotated[str, Field(examples=["TimeoutError: the mail server did not answer"])]
    attempts: int
    deaths: int
    state: Annotated[str, Field(examples=["waiting"])]
    first_died_at: datetime
    last_died_at: datetime
    decided_at: datetime | None
    decided_by: UUID | None

    @classmethod
    def of(cls, row: DeadLetterRow) -> "DeadLetterView":
        return cls.model_validate(row.model_dump() | {"payload": readable(row.payload)})


class ReplayMany(BaseModel):
    """Which waiting letters: of one queue, or these, or those of both; without either, all."""

    model_config = ConfigDict(extra="forbid")

    queue: str | None = Field(None, max_length=200, examples=["notifications.orders"])
    ids: list[UUID] | None = Field(None, min_length=1, max_length=AT_ONCE)


class Replayed(BaseModel):
    replayed: int


@router.get("", summary="List dead letters")
async def get_dead_letters(
    _: Operator,
    begin: Begin,
    cursor: Cursor,
    *,
    queue: Text = None,
    type: Text = None,  # noqa: A002 (the name in the query string)
    state: Literal["waiting", "replayed", "discarded"] | None = None,
) -> Envelope[list[DeadLetterView]]:
    """Newest first."""
    equal = {"queue": queue, "type": type, "state": state}
    before = position(cursor, UUID)
    async with begin() as tx:
        rows = await queries.dead_letters(tx, equal=equal, before=before, limit=cursor.limit)
    return ok([DeadLetterView.of(row) for row in rows], meta=meta_of(rows, cursor.limit))


@router.post("/replay", status_code=202, summary="Replay many dead letters")
async def post_replay_many(body: ReplayMany, caller: Operator, begin: Begin) -> Envelope[Replayed]:
    """Replay the oldest waiting ones, at most 500 a time; without queue and ids, of all queues."""
    async with begin() as tx:
        count = await replay_many(tx, body.queue, body.ids, caller.user_id)
    return accepted(Replayed(replayed=count), f"{count} on their way")


@router.get("/{letter_id}", summary="One dead letter")
async def get_dead_letter(letter_id: UUID, _: Operator, begin: Begin) -> Envelope[DeadLetterView]:
    async with begin() as tx:
        row = await queries.dead_letter(tx, letter_id)
    return ok(DeadLetterView.of(row))


@router.post("/{letter_id}/replay", status_code=202, summary="Replay a dead letter")
async def post_replay(letter_id: UUID, caller: Operator, begin: Begin) -> Envelope[DeadLetterView]:
    """Give it back to its queue. Under the same event id, so that what was handled after all is not handled twice."""
    async with begin() as tx:
        view = DeadLetterView.of(await replay(tx, letter_id, caller.user_id))
    return accepted(view, "On its way")


@router.post("/{letter_id}/discard", summary="Discard a dead letter")
async def post_discard(letter_id: UUID, caller: Operator, begin: Begin) -> Envelope[DeadLetterView]:
    async with begin() as tx:
        view = DeadLetterView.of(await discard(tx, letter_id, caller.user_id))
    return ok(view, "Discarded")
