"""A notice."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Notice:
    """What `user_id` is told: in the app if there is a title, and by e-mail if there is a template.

    `data` goes with the in-app notification. `email_data` is for the template; see NewEmail for its reserved names.
    """

    user_id: UUID
    topic: str
    title: str = ""
    body: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    template: str = ""
    email_data: Mapping[str, Any] = field(default_factory=dict)


def format_time(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
