"""Messages as the API shows them."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from messaging.tables import MessageReportRow, MessageRow

Status = Literal["queued", "sent", "delivered", "read", "failed"]


class MessageError(BaseModel):
    code: str
    message: str


class MessageView(BaseModel):
    id: UUID
    channel: str
    recipient: str
    type: str
    text: str
    media_url: str | None
    status: Status
    error: MessageError | None
    client_ref: str | None
    queued_at: datetime
    sent_at: datetime | None
    delivered_at: datetime | None
    read_at: datetime | None

    @classmethod
    def of(cls, row: MessageRow) -> "MessageView":
        return cls.model_validate(fields_of(row))


class MessageEvent(BaseModel):
    """Something that happened to the message, `at` by the word of whoever reported it."""

    status: Status
    at: datetime
    code: Annotated[str | None, Field(examples=[None])] = None
    detail: Annotated[str | None, Field(examples=[None])] = None


class MessageHistory(MessageView):
    events: list[MessageEvent]

    @classmethod
    def told(cls, row: MessageRow, reports: Iterable[MessageReportRow]) -> "MessageHistory":
        heard = [report.model_dump(include={"status", "at", "code", "detail"}) for report in reports]
        queued = {"status": "queued", "at": row.queued_at}
        return cls.model_validate(fields_of(row) | {"events": [queued, *heard]})


def fields_of(row: MessageRow) -> dict[str, object]:
    failed = {"code": row.error_code, "message": row.error_message or ""} if row.error_code else None
    status = "queued" if row.status == "sending" else row.status
    return row.model_dump() | {"status": status, "error": failed, "media_url": None}
