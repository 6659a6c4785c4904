"""Exports of a person's own data: who is asked, how long everything takes and lasts."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

OWN = "auth"
ASKED = ("catalog", "orders", "billing", "messaging", "notifications", "operations")

PATIENCE = timedelta(minutes=10)
"""How long the services are waited for."""
FRESH = timedelta(hours=1)
"""How long one export is the answer to whoever asks again."""
READABLE = timedelta(hours=2)
"""When its content goes: no sooner than the slowest download that began while it was fresh."""
REMEMBERED = timedelta(days=7)
DAY = timedelta(days=1)
MOST_PER_DAY = 5

State = Literal["gathering", "ready", "failed", "ended"]


@dataclass(frozen=True, slots=True)
class Export:
    """`parts` are those of each service that has answered in full."""

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
        return self.state != "ended" and now < self.created_at + FRESH


def sealed_name(export_id: UUID) -> str:
    return f"export/{export_id}"
