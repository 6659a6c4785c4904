"""Events of the gateway."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from common.contracts.event import Event


class LoggedRequest(BaseModel):
    """One request and its response; no bodies, credentials or query values.

    `times` counts equal requests (same user, path and response) that were answered from the cache; the other fields are
    those of the first.
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
    """A batch of requests that the gateway answered."""

    type: ClassVar[str] = "gateway.requests.logged.v1"
    subject_field: ClassVar[str] = "batch_id"

    batch_id: UUID
    requests: tuple[LoggedRequest, ...]
