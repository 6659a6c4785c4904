"""The journal, for staff."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from common.ids import canonical_uuid
from common.openapi.errors import errors
from common.security.tokens import Identity
from common.web.days import Period
from common.web.dependencies import Begin, may
from common.web.envelope import Envelope, ok
from common.web.fields import EventType, RequestId
from common.web.listing import SearchText
from common.web.pagination import Cursor, InvalidCursor, meta_of, position
from operations.journal import store
from operations.journal.domain import build_tree, mask_secrets
from operations.journal.tables import EventRow

router = APIRouter(prefix="/events", tags=["events"])

Reader = Annotated[Identity, may("journal.read")]

Source = Annotated[str, Field(description="the publishing service", examples=["orders"])]
Subject = Annotated[
    str, Field(description="the id of what the event is about", examples=["019c1f0c-7a10-7b3e-9f52-6a1f0c9d2e11"])
]
CausationId = Annotated[str, Field(examples=["019c1f0c-7a10-7b3e-9f52-6a1f0c9d2e12"])]
EventData = Annotated[
    dict[str, Any], Field(examples=[{"order_id": "019c1f0c-7a10-7b3e-9f52-6a1f0c9d2e11", "number": "DK-2026-000042"}])
]


class JournalEvent(BaseModel):
    """An event as published.

    `correlation_id` is the request that started its causal chain, `causation_id` the event that caused it directly.
    """

    id: UUID
    type: EventType
    source: Source
    subject: Subject
    time: datetime
    sequence: Annotated[int, Field(examples=[42])]
    correlation_id: RequestId
    causation_id: CausationId | None
    data: EventData


class TracedEvent(JournalEvent):
    """An event with the events that it caused."""

    children: list["TracedEvent"]


@router.get("", summary="List journal events", responses=errors(InvalidCursor))
async def get_events(
    _: Reader,
    begin: Begin,
    cursor: Cursor,
    *,
    type: Annotated[EventType | None, Query(max_length=200)] = None,  # noqa: A002 (the name in the query string)
    source: Annotated[Source | None, Query(max_length=200)] = None,
    subject: Annotated[Subject | None, Query(max_length=200)] = None,
    correlation_id: Annotated[RequestId | None, Query(max_length=200)] = None,
    period: Period,
    search: Annotated[
        SearchText | None, Query(description="part of the type, the source or the subject", examples=["payment"])
    ] = None,
) -> Envelope[list[JournalEvent]]:
    """Newest first."""
    filters = {"type": type, "source": source, "subject": subject, "correlation_id": correlation_id}
    before = position(cursor, canonical_uuid)
    async with begin() as tx:
        rows = await store.list_events(
            tx, filters=filters, period=period, search=search or None, before=before, limit=cursor.limit
        )
    return ok([JournalEvent(**_fields(row)) for row in rows], meta=meta_of(rows, cursor.limit))


@router.get("/trace/{correlation_id}", summary="What a request led to")
async def get_trace(
    correlation_id: Annotated[RequestId, Path(max_length=200, pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]*$")],
    _: Reader,
    begin: Begin,
) -> Envelope[list[TracedEvent]]:
    """All events that one request led to, as a tree; empty if the journal has none."""
    async with begin() as tx:
        rows = await store.list_trace(tx, correlation_id)
    return ok(build_tree(rows, lambda row: row.id, lambda row: row.causation_id, _traced))


@router.get("/{event_id}", summary="One journal event")
async def get_event(event_id: UUID, _: Reader, begin: Begin) -> Envelope[JournalEvent]:
    async with begin() as tx:
        row = await store.get_event(tx, event_id)
    return ok(JournalEvent(**_fields(row)))


def _traced(row: EventRow, children: list[TracedEvent]) -> TracedEvent:
    return TracedEvent(**_fields(row), children=children)


def _fields(row: EventRow) -> dict[str, Any]:
    return row.model_dump() | {"data": mask_secrets(row.data)}
