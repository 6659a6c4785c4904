"""Publisher confirms: which messages of a channel the broker has stored, rejected or returned.

The broker numbers the messages of a channel from 1 (the delivery tag) and confirms one or several by that number. Only
a returned (unroutable) message comes back without its number, before its confirm. It is matched by message id, exchange
and routing key; of several copies the oldest one is meant, because the broker handles them in order.
"""

import asyncio
from collections.abc import Sequence

from pamqp.commands import Basic

from common import jobs
from common.bus.rabbitmq.frames import Publication
from common.bus.transport import UnroutableError


class PublishedBatch:
    """Messages that were written together. The outcome of each is None once the broker has stored it.

    An outcome that is ConnectionError leaves open whether the message has arrived; any other error says that it never
    will.
    """

    def __init__(self, messages: Sequence[Publication]) -> None:
        self.messages = messages
        self.outcomes: list[Exception | None] = [ConnectionError("not confirmed in time")] * len(messages)
        self._pending = len(messages)
        self._settled = asyncio.Event()

    async def settled(self, seconds: float) -> bool:
        """Whether every outcome is known within `seconds`."""
        return not self._pending or await jobs.wait(self._settled, seconds)

    def settle(self, index: int, outcome: Exception | None) -> None:
        self.outcomes[index] = outcome
        self._pending -= 1
        if not self._pending:
            self._settled.set()


class Unconfirmed:
    """The messages of one channel that the broker has not confirmed, by delivery tag."""

    def __init__(self) -> None:
        self._waiting: dict[int, tuple[PublishedBatch, int]] = {}
        self._returned: dict[int, UnroutableError] = {}
        self._oldest = 1
        self._next = 1

    def add(self, batch: PublishedBatch, index: int) -> None:
        """Number the message as the broker does: in the order in which they are written."""
        self._waiting[self._next] = batch, index
        self._next += 1

    def confirm(self, tag: int, multiple: bool) -> None:
        for each in self._tags(tag, multiple):
            self._settle(each, self._returned.pop(each, None))

    def reject(self, tag: int, multiple: bool) -> None:
        """basic.nack: the broker could not store the message, which may be sent again."""
        for each in self._tags(tag, multiple):
            self._returned.pop(each, None)
            self._settle(each, ConnectionError("the broker did not accept the message"))

    def mark_returned(self, returned: Basic.Return, message_id: str | None) -> None:
        """basic.return: the confirm that follows does not mean that the message was stored."""
        address = returned.exchange, returned.routing_key, message_id
        for tag, (batch, index) in self._waiting.items():
            message = batch.messages[index]
            if tag not in self._returned and address == (
                message.exchange,
                message.routing_key,
                message.properties.message_id,
            ):
                reason = f"{returned.reply_code} {returned.reply_text}: {message.exchange!r} {message.routing_key!r}"
                self._returned[tag] = UnroutableError(reason)
                return

    def fail_all(self, reason: str) -> None:
        for tag in self._tags(self._next - 1, True):
            self._settle(tag, ConnectionError(reason))

    def _tags(self, tag: int, multiple: bool) -> Sequence[int]:
        return range(self._oldest, tag + 1) if multiple else (tag,)

    def _settle(self, tag: int, outcome: Exception | None) -> None:
        if waiting := self._waiting.pop(tag, None):
            batch, index = waiting
            batch.settle(index, outcome)
        # So that a confirm with `multiple` iterates only over tags that are not settled yet.
        while self._oldest < self._next and self._oldest not in self._waiting:
            self._oldest += 1
