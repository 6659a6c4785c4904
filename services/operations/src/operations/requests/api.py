"""The request log, for staff."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from common.openapi.errors import errors
from common.security.tokens import Identity
from common.web.days import Period
from common.web.dependencies import Begin, may
from common.web.envelope import Envelope, ok
from common.web.fields import IpAddress, RequestId, UserAgent
from common.web.listing import SearchText
from common.web.pagination import Cursor, InvalidCursor, meta_of, position, row_number
from operations.requests.store import list_requests

router = APIRouter(prefix="/analytics", tags=["analytics"])

Reader = Annotated[Identity, may("journal.read")]

Status = Annotated[int, Field(examples=[200])]
ServiceName = Annotated[str, Field(examples=["orders"])]


class RequestView(BaseModel):
    """A request as the gateway answered it; `service` is null where the gateway answered by itself.

    `times` counts identical requests that were answered from memory within about a second.
    """

    model_config = ConfigDict(from_attributes=True)

    id: Annotated[int, Field(examples=[42])]
    request_id: RequestId
    at: datetime
    method: Annotated[str, Field(examples=["POST"])]
    path: Annotated[str, Field(examples=["/api/v1/orders"])]
    status: Status
    duration_ms: Annotated[float, Field(examples=[12.5])]
    service: ServiceName | None
    user_id: UUID | None
    ip: IpAddress | None
    user_agent: UserAgent | None
    times: Annotated[int, Field(examples=[1])]


@router.get("/requests", summary="List requests", responses=errors(InvalidCursor))
async def get_requests(
    _: Reader,
    begin: Begin,
    cursor: Cursor,
    *,
    status: Annotated[Status | None, Query(ge=100, le=599)] = None,
    service: Annotated[ServiceName | None, Query(max_length=50)] = None,
    user_id: UUID | None = None,
    period: Period,
    search: Annotated[
        SearchText | None,
        Query(description="part of the path, the request id, the address or the user agent", examples=["/orders"]),
    ] = None,
) -> Envelope[list[RequestView]]:
    """Newest first; about a second behind."""
    before = position(cursor, row_number)
    filters = {"status": status, "service": service, "user_id": user_id}
    async with begin() as tx:
        rows = await list_requests(
            tx, filters=filters, period=period, search=search or None, before=before, limit=cursor.limit
        )
    return ok([RequestView.model_validate(row) for row in rows], meta=meta_of(rows, cursor.limit))
