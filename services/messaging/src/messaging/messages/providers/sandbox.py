"""A channel without a network. The recipient's last four digits decide the outcome:

    …0000  rejected
    …0001  unknown at the first attempt, then accepted and delivered
    …0002  accepted, then reported as failed
    …0003  delivered and read
    other  delivered

It has no state: its ids derive from the message's id, so sending twice has the effect of sending once.
"""

from collections.abc import Sequence

from common import clock
from messaging.messages.domain import (
    Accepted,
    OutboundMessage,
    Outcome,
    Rejected,
    Report,
    Unknown,
    UnreportedMessage,
)


class Sandbox:
    async def send(self, message: OutboundMessage) -> Outcome:
        match message.recipient[-4:]:
            case "0000":
                return Rejected("recipient_unreachable", "This number cannot receive messages")
            case "0001" if message.attempt == 1:
                return Unknown()
        return Accepted(f"sandbox-{message.id}")

    async def reports(self, messages: Sequence[UnreportedMessage]) -> Sequence[Report]:
        return [report for message in messages for report in _reports_of(message)]


def _reports_of(message: UnreportedMessage) -> list[Report]:
    now = clock.now()
    match message.recipient[-4:]:
        case "0002":
            return [Report(message.id, "failed", now, code="undeliverable", detail="The device was never reached")]
        case "0003":
            return [Report(message.id, "delivered", now), Report(message.id, "read", now)]
    return [Report(message.id, "delivered", now)]
