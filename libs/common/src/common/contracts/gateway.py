"""Events of the gateway."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from common.contracts.event import Event


class LoggedRequest(BaseModel):
    """One request as the gateway answered it; no bodies, no credentials, no query values.

    `times` counts requests alike (who, what, which answer) that were answered from memory; the entry is the first's.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    request_id: str
    at: datetime
    method: str
    path: str
    status: int
    duration_ms: float
    service: str | None = None
    user_id: UUID | None = None
    ip: str | None = None
    user_agent: str | None = None
    times: int = 1


class RequestsLogged(Event):
    """A batch of answered requests."""

    type: ClassVar[str] = "gateway.requests.logged.v1"
    subject_field: ClassVar[str] = "batch_id"

    batch_id: UUID
    requests: tuple[LoggedRequest, ...]
