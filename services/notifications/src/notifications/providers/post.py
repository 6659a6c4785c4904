"""What every mail provider does."""

from collections.abc import Sequence
from typing import Protocol

from notifications.domain.mail import Outcome
from notifications.letters import Letter


class Post(Protocol):
    @property
    def at_once(self) -> int:
        """The most letters that one `send` takes."""

    @property
    def longest(self) -> float:
        """Seconds that a `send` takes at most."""

    async def send(self, letters: Sequence[Letter]) -> list[Outcome]:
        """Hand the letters over. Says of each what became of it; one that fails keeps no other from being sent."""
