"""What the provider of a channel does."""

from collections.abc import Sequence
from typing import Protocol

from messaging.messages.domain import OutboundMessage, Outcome, Report, UnreportedMessage


class ChannelProvider(Protocol):
    async def send(self, message: OutboundMessage) -> Outcome:
        """Send the message. Called again with the same id, the provider must not deliver it twice."""

    async def reports(self, messages: Sequence[UnreportedMessage]) -> Sequence[Report]:
        """The reports that the provider has about these messages by now."""
