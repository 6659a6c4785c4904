"""The request log."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from common.security.tokens import Identity
from common.web.dependencies import Begin, may
from common.web.envelope import Envelope, ok
from common.web.pagination import Cursor, meta_of, position
from operations import queries

router = APIRouter(prefix="/analytics", tags=["analytics"])

Reader = Annotated[Identity, may("journal.read")]


class RequestView(BaseModel):
    """A request as the gateway answered it; `service` is null where the gateway answered by itself.

    `times` counts those alike that were answered from memory within a second or so.
    """

    model_config = ConfigDict(from_attributes=True)

    id: int
    request_id: str
    at: datetime
    method: str
    path: str
    status: int
    duration_ms: float
    service: str | None
    user_id: UUID | None
    ip: str | None
    user_agent: str | None
    times: int


@router.get("/requests", summary="List requests")
async def get_requests(
    _: Reader,
    begin: Begin,
    cursor: Cursor,
    *,
    status: Annotated[int | None, Query(ge=100, le=599)] = None,
    service: Annotated[str | None, Query(max_length=50)] = None,
    user_id: UUID | None = None,
) -> Envelope[list[RequestView]]:
    """Newest first; a second or so behind."""
    before = position(cursor, int)
    equal: dict[str, object] = {"status": status, "service": service, "user_id": user_id}
    async with begin() as tx:
        rows = await queries.requests(tx, equal=equal, before=before, limit=cursor.limit)
    return ok([RequestView.model_validate(row) for row in rows], meta=meta_of(rows, cursor.limit))
