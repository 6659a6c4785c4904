"""A channel without a network. The recipient's last four digits decide what happens:

    …0000  refused for good
    …0001  unknown at the first attempt, then accepted and delivered
    …0002  accepted, then reported as failed
    …0003  delivered and read
    other  delivered

It remembers nothing: ids follow from the message's own, so sending twice is sending once.
"""

from collections.abc import Sequence

from common import clock
from messaging.domain.delivery import Report
from messaging.providers.channel import Accepted, Outcome, Outgoing, Pending, Refused, Unknown


class Sandbox:
    async def send(self, message: Outgoing) -> Outcome:
        match message.recipient[-4:]:
            case "0000":
                return Refused("recipient_unreachable", "This number cannot receive messages")
            case "0001" if message.attempt == 1:
                return Unknown()
        return Accepted(f"sandbox-{message.id}")

    async def reports(self, pending: Sequence[Pending]) -> Sequence[Report]:
        return [report for message in pending for report in _reports_of(message)]


def _reports_of(message: Pending) -> list[Report]:
    now = clock.now()
    match message.recipient[-4:]:
        case "0002":
            return [Report(message.id, "failed", now, code="undeliverable", detail="The device was never reached")]
        case "0003":
            return [Report(message.id, "delivered", now), Report(message.id, "read", now)]
    return [Report(message.id, "delivered", now)]
