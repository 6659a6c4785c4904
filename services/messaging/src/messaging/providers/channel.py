"""What the provider of a channel does."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from messaging.domain.delivery import Report
from messaging.domain.drafts import Channel


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message claimed for its `attempt`-th sending (from 1). `id` is the idempotency key."""

    id: UUID
    channel: Channel
    recipient: str
    text: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Pending:
    """A message that the provider took; what became of it is not known yet."""

    id: UUID
    provider_id: str | None
    recipient: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider has it, under an id of its own."""

    provider_id: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The provider does not have it and never will; `code` is for programs, `detail` for people."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody can say whether the provider has it."""


Outcome = Accepted | Refused | Unknown


class ChannelProvider(Protocol):
    async def send(self, message: Outgoing) -> Outcome:
        """Hand the message over. Called again with the same id, it must not bring the message twice."""

    async def reports(self, pending: Sequence[Pending]) -> Sequence[Report]:
        """What the provider knows of these messages by now; nothing of those it has nothing to say about."""
