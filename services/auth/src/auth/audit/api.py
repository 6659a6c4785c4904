"""GET /auth/audit."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from auth.audit.store import AuditFilter, list_entries
from auth.fields import AddressText
from common.openapi.errors import errors
from common.security.tokens import Identity
from common.web import fields
from common.web.days import Period
from common.web.dependencies import Begin, may
from common.web.envelope import Envelope, ok
from common.web.listing import SearchText
from common.web.pagination import Cursor, InvalidCursor, cursor_meta, position, row_number

router = APIRouter()

Auditor = Annotated[Identity, may("audit.read")]


class AuditView(BaseModel):
    """`actor_id` is the administrator who acted on the account, if it was not its owner."""

    id: Annotated[int, Field(examples=[4711])]
    at: datetime
    action: Annotated[str, Field(examples=["sign_in"])]
    outcome: Annotated[str, Field(examples=["succeeded"])]
    account_id: UUID | None
    actor_id: UUID | None
    session_id: UUID | None
    address: AddressText
    user_agent: fields.UserAgent | None
    request_id: fields.RequestId | None
    detail: dict[str, Any]


async def _filters(
    *,
    account: UUID | None = None,
    action: Annotated[str | None, Query(max_length=100, examples=["sign_in"])] = None,
    outcome: Annotated[str | None, Query(max_length=100, examples=["succeeded"])] = None,
    period: Period,
    search: Annotated[
        SearchText | None,
        Query(description="part of the action, the outcome, the address or the user agent", examples=["sign_in"]),
    ] = None,
) -> AuditFilter:
    return AuditFilter(account, action, outcome, period.since, period.until, search or None)


@router.get("/auth/audit", summary="The audit log", responses=errors(InvalidCursor))
async def get_audit(
    _: Auditor, begin: Begin, cursor: Cursor, filters: Annotated[AuditFilter, Depends(_filters)]
) -> Envelope[list[AuditView]]:
    """Newest first."""
    before = position(cursor, row_number)
    async with begin() as tx:
        rows = await list_entries(tx, filters, before, cursor.limit)
    meta = cursor_meta(rows[-1]["id"] if len(rows) == cursor.limit else None)
    return ok([AuditView.model_validate(dict(row)) for row in rows], meta=meta)
