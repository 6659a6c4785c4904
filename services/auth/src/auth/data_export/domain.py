"""Exports of all data that the services store about a person: participants, deadlines and lifetimes."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

OWN = "auth"
OTHER_SERVICES = ("catalog", "orders", "billing", "messaging", "notifications", "operations")

DEADLINE = timedelta(minutes=10)
"""For the services to answer."""
FRESH_FOR = timedelta(hours=1)
"""How long an export answers further requests."""
READABLE_FOR = timedelta(hours=2)
"""Then its content is deleted: after the slowest download that began while it was fresh."""
KEEP_FOR = timedelta(days=7)
DAY = timedelta(days=1)
MAX_PER_DAY = 5

State = Literal["gathering", "ready", "failed", "ended"]


@dataclass(frozen=True, slots=True)
class Export:
    """`parts` is the number of parts of each service that has answered in full."""

    id: UUID
    account_id: UUID
    state: State
    services: tuple[str, ...]
    parts: dict[str, int]
    sealed_private: bytes | None
    created_at: datetime
    ready_at: datetime | None

    @property
    def missing(self) -> list[str]:
        """The services that have not answered."""
        return [service for service in self.services if service not in self.parts]

    def is_fresh(self, now: datetime) -> bool:
        return self.state != "ended" and now < self.created_at + FRESH_FOR


def sealed_name(export_id: UUID) -> str:
    """What the private key of an export is bound to when it is encrypted."""
    return f"export/{export_id}"
