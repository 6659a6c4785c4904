"""The journal of everything that was on the bus."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from common.openapi.example_values import ORDER
from common.security.tokens import Identity
from common.web.dependencies import Begin, may
from common.web.envelope import Envelope, ok
from common.web.fields import Instant
from common.web.pagination import Cursor, meta_of, position
from operations import queries
from operations.domain.payload import shown
from operations.domain.trace import grow
from operations.tables import EventRow

router = APIRouter(prefix="/events", tags=["events"])

Reader = Annotated[Identity, may("journal.read")]

Text = Annotated[str | None, Query(max_length=200)]


class JournalEvent(BaseModel):
    """An event as published. `correlation_id` names its story, `causation_id` the event that led to it."""

    id: UUID
    type: Annotated[str, Field(examples=["orders.order.confirmed.v1"])]
    source: str
    subject: str
    time: datetime
    sequence: int
    correlation_id: str
    causation_id: str | None
    data: Annotated[dict[str, Any], Field(examples=[{"order_id": ORDER}])]


class TracedEvent(JournalEvent):
    """An event with what it led to."""

    children: list["TracedEvent"]


@router.get("", summary="List journal events")
async def get_events(
    _: Reader,
    begin: Begin,
    cursor: Cursor,
    *,
    type: Text = None,  # noqa: A002 (the name in the query string)
    source: Text = None,
    subject: Text = None,
    correlation_id: Text = None,
    since: Annotated[Instant | None, Query(alias="from", description="not before this time")] = None,
    until: Annotated[Instant | None, Query(alias="to", description="before this time")] = None,
) -> Envelope[list[JournalEvent]]:
    """Newest first."""
    equal = {"type": type, "source": source, "subject": subject, "correlation_id": correlation_id}
    before = position(cursor, UUID)
    async with begin() as tx:
        rows = await queries.events(tx, equal=equal, since=since, until=until, before=before, limit=cursor.limit)
    return ok([JournalEvent(**_fields(row)) for row in rows], meta=meta_of(rows, cursor.limit))


@router.get("/trace/{correlation_id}", summary="What a request led to")
async def get_trace(
    correlation_id: Annotated[str, Path(max_length=200, pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]*$")],
    _: Reader,
    begin: Begin,
) -> Envelope[list[TracedEvent]]:
    """Everything that one request led to, as a tree; empty as long as the journal has heard of nothing."""
    async with begin() as tx:
        rows = await queries.story(tx, correlation_id)
    return ok(grow(rows, lambda row: row.id, lambda row: row.causation_id, _traced))


@router.get("/{event_id}", summary="One journal event")
async def get_event(event_id: UUID, _: Reader, begin: Begin) -> Envelope[JournalEvent]:
    async with begin() as tx:
        row = await queries.event(tx, event_id)
    return ok(JournalEvent(**_fields(row)))


def _traced(row: EventRow, children: list[TracedEvent]) -> TracedEvent:
    return TracedEvent(**_fields(row), children=children)


def _fields(row: EventRow) -> dict[str, Any]:
    return row.model_dump() | {"data": shown(row.data)}
