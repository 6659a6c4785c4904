"""What every mail provider does."""

from typing import Protocol

from notifications.domain.mail import Outcome
from notifications.letters import Letter


class Post(Protocol):
    async def send(self, letter: Letter) -> Outcome:
        """Hand the letter over within a bounded time. Says what became of it; raises nothing that is expected."""
