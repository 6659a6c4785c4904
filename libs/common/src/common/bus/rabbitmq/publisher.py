"""Publishing with confirms on a channel that is opened again after it was lost."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from common.bus.rabbitmq.channel import PublishChannel
from common.bus.rabbitmq.connection import AmqpConnection
from common.bus.rabbitmq.connector import Connector
from common.bus.rabbitmq.frames import Publication

CONFIRM_SECONDS = 10.0


class Publisher:
    """One channel for any number of callers at the same time."""

    def __init__(self, connector: Connector) -> None:
        self._connector = connector
        self._connection: AmqpConnection | None = None
        self._channel: PublishChannel | None = None
        self._opening = asyncio.Lock()

    async def open(self) -> tuple[AmqpConnection, PublishChannel]:
        """The channel, or a new one. Raises ConnectionError if the broker cannot be reached."""
        async with self._opening:
            if self._connection is None or self._channel is None or not self._channel.is_open:
                self._connection = await self._connector.get()
                self._channel = await self._connection.open_channel(PublishChannel)
            return self._connection, self._channel

    async def publish(self, messages: Sequence[Publication]) -> list[Exception | None]:
        """Write the messages in order, then wait for all confirms, a bounded time.

        The outcome of each is None once the broker has stored it, ConnectionError if it may have arrived, else why it
        never will. Raises ConnectionError if none was confirmed.
        """
        connection, channel = await self.open()
        if connection.is_blocked:
            raise ConnectionError("the broker takes no messages: it is short of memory or disk")
        batch = channel.publish(messages)
        if not await batch.settled(CONFIRM_SECONDS) and not connection.is_blocked:
            # The link may be half-open. A blocked connection is kept: a new one would be blocked at its first message.
            connection.abort("confirms did not come in time")
        if messages and all(isinstance(outcome, ConnectionError) for outcome in batch.outcomes):
            raise ConnectionError(f"nothing was confirmed: {batch.outcomes[0]}")
        return batch.outcomes
