"""What every e-mail transport does."""

from collections.abc import Sequence
from typing import Protocol

from notifications.emails.domain import Outcome, RenderedEmail


class EmailTransport(Protocol):
    @property
    def batch_size(self) -> int:
        """The most e-mails that one `send` takes."""

    @property
    def concurrency(self) -> int:
        """How many `send` calls may run at the same time."""

    @property
    def max_seconds(self) -> float:
        """How long a `send` takes at most."""

    async def send(self, emails: Sequence[RenderedEmail]) -> list[Outcome]:
        """Send the e-mails: one outcome each, in order. A failure of one does not stop the others."""
