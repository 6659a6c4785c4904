"""The table of the request log."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Column, Double, Identity, Index, SmallInteger, text
from sqlmodel import Field

from common.persistence.tables import timestamp
from operations.schema import Table


class RequestRow(Table, table=True):
    """A request as the gateway answered it, or `times` identical ones."""

    __tablename__ = "request"
    __table_args__ = (
        Index("request_user", "user_id", text("id DESC"), postgresql_where=text("user_id IS NOT NULL")),
        Index("request_failed", "status", text("id DESC"), postgresql_where=text("status >= 400")),
        Index("request_at", "at", postgresql_using="brin"),
    )

    id: int = Field(sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    request_id: str
    at: datetime = timestamp()
    method: str
    path: str
    status: int = Field(sa_type=SmallInteger)
    duration_ms: float = Field(sa_type=Double)
    service: str | None
    user_id: UUID | None
    ip: str | None
    user_agent: str | None
    times: int
