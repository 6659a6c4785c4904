"""GET /auth/audit: what was tried, by whom and with what outcome."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from auth.api.fields import AddressText
from auth.queries.audit import LAST_ENTRY, AuditFilter, audit_entries
from common.errors import Invalid
from common.security.tokens import Identity
from common.web.dependencies import Begin, may
from common.web.envelope import Envelope, ok
from common.web.fields import Instant
from common.web.pagination import Cursor, cursor_meta, position

router = APIRouter()

Auditor = Annotated[Identity, may("audit.read")]

Text = Annotated[str | None, Query(max_length=100)]


class AuditView(BaseModel):
    """`actor_id` is the administrator who acted on the account, where it was not its owner."""

    id: int
    at: datetime
    action: Annotated[str, Field(examples=["sign_in"])]
    outcome: str
    account_id: UUID | None
    actor_id: UUID | None
    session_id: UUID | None
    address: AddressText
    user_agent: str | None
    request_id: str | None
    detail: dict[str, Any]


async def _chosen(
    *,
    account: UUID | None = None,
    action: Text = None,
    outcome: Text = None,
    since: Annotated[Instant | None, Query(alias="from", description="not before this time")] = None,
    until: Annotated[Instant | None, Query(alias="to", description="before this time")] = None,
) -> AuditFilter:
    return AuditFilter(account, action, outcome, since, until)


@router.get("/auth/audit", summary="What was tried, by whom, with what outcome")
async def get_audit(
    _staff: Auditor, begin: Begin, cursor: Cursor, chosen: Annotated[AuditFilter, Depends(_chosen)]
) -> Envelope[list[AuditView]]:
    """Newest first."""
    before = position(cursor, int)
    if before is not None and not 0 < before <= LAST_ENTRY:
        raise Invalid("This is no cursor of ours", code="invalid_cursor", field="cursor")
    async with begin() as tx:
        rows = await audit_entries(tx, chosen, before, cursor.limit)
    more = cursor_meta(rows[-1]["id"] if len(rows) == cursor.limit else None)
    return ok([AuditView.model_validate(dict(row)) for row in rows], meta=more)
