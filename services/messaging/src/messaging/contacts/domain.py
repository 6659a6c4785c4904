"""Contacts and telephone numbers as E.164: `+255712345678`."""

import re
from dataclasses import dataclass
from uuid import UUID

E164 = r"^\+[1-9][0-9]{6,14}$"

_e164 = re.compile(E164)


@dataclass(frozen=True, slots=True)
class Contact:
    """A person's state as of the auth event number `sequence`.

    `phone` is E.164 or None. Without `max_messages_per_day`, the service's own limit applies.
    """

    user_id: UUID
    phone: str | None
    time_zone: str
    sequence: int
    max_messages_per_day: int | None = None


def is_e164(number: str | None) -> bool:
    return number is not None and _e164.fullmatch(number) is not None
