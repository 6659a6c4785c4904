"""The log of outgoing e-mails, for staff."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from common.ids import canonical_uuid
from common.openapi.errors import errors
from common.people.emails import search_spelling
from common.security.tokens import Identity
from common.web.days import Period
from common.web.dependencies import Begin, may
from common.web.envelope import Envelope, ok
from common.web.fields import EmailAddress, LanguageTag
from common.web.listing import SearchText
from common.web.pagination import Cursor, InvalidCursor, meta_of, position
from notifications.emails.store import EmailFilter, list_emails

router = APIRouter(prefix="/emails", tags=["emails"])

Reader = Annotated[Identity, may("mail.read")]

State = Literal["waiting_contact", "queued", "sending", "sent", "failed"]


class EmailView(BaseModel):
    """`recipient` and `language` are null until the first attempt."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    user_id: UUID
    template: Annotated[str, Field(examples=["order_confirmed"])]
    state: Annotated[State, Field(examples=["sent"])]
    attempts: Annotated[int, Field(examples=[1])]
    recipient: EmailAddress | None
    language: LanguageTag | None
    last_error: Annotated[str | None, Field(examples=[None])]
    created_at: datetime
    sent_at: datetime | None


@router.get("", summary="List outgoing mail", responses=errors(InvalidCursor))
async def get_emails(
    _: Reader,
    begin: Begin,
    cursor: Cursor,
    *,
    state: State | None = None,
    template: Annotated[str | None, Query(examples=["order_confirmed"])] = None,
    user_id: UUID | None = None,
    period: Period,
    search: Annotated[
        SearchText | None, Query(description="part of the recipient, the template or the error", examples=["neema@"])
    ] = None,
) -> Envelope[list[EmailView]]:
    """Newest first."""
    wanted = EmailFilter(state, template, user_id, period, search_spelling(search))
    before = position(cursor, canonical_uuid)
    async with begin() as tx:
        rows = await list_emails(tx, wanted, before=before, limit=cursor.limit)
    return ok([EmailView.model_validate(row) for row in rows], meta=meta_of(rows, cursor.limit))
