"""A notification before it is stored."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from common.contracts.event import Event


@dataclass(frozen=True, slots=True)
class NewNotification:
    """A notification for `user_id` because of the received event `cause`: at most one per event."""

    cause: Event
    user_id: UUID
    topic: str
    title: str
    body: str
    data: Mapping[str, Any]
