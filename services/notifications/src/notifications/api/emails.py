"""The log of outgoing mail, for staff."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from common.security.tokens import Identity
from common.web.dependencies import Begin, may
from common.web.envelope import Envelope, ok
from common.web.pagination import Cursor, meta_of, position
from notifications.queries import emails

router = APIRouter(prefix="/emails", tags=["emails"])

Reader = Annotated[Identity, may("mail.read")]


class EmailView(BaseModel):
    """`recipient` and `language` are null until the mail was tried once."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    user_id: UUID
    template: str
    state: Annotated[str, Field(examples=["sent"])]
    attempts: int
    recipient: Annotated[str | None, Field(examples=["neema@example.com"])]
    language: str | None
    last_error: str | None
    created_at: datetime
    sent_at: datetime | None


@router.get("", summary="List outgoing mail")
async def get_emails(
    _: Reader,
    begin: Begin,
    cursor: Cursor,
    *,
    state: Literal["waiting_contact", "queued", "sending", "sent", "failed"] | None = None,
    template: str | None = None,
    user_id: UUID | None = None,
) -> Envelope[list[EmailView]]:
    """Newest first."""
    before = position(cursor, UUID)
    async with begin() as tx:
        rows = await emails(tx, state=state, template=template, user_id=user_id, before=before, limit=cursor.limit)
    return ok([EmailView.model_validate(row) for row in rows], meta=meta_of(rows, cursor.limit))
