"""A contact."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Contact:
    """A person's state as of the auth event number `sequence`.

    `phone` and `whatsapp_number` are E.164 or None. Without `max_messages_per_day`, the service's own limit applies.
    """

    user_id: UUID
    phone: str | None
    time_zone: str
    sequence: int
    max_messages_per_day: int | None = None
    whatsapp_number: str | None = None
