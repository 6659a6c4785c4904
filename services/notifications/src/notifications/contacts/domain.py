"""A contact."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Contact:
    """A person's state as of the auth event number `sequence`."""

    user_id: UUID
    email: str
    first_name: str
    last_name: str
    language: str
    roles: Sequence[str]
    sequence: int
