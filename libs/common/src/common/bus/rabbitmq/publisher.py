"""Publishing with confirms over a link that is made again when it is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from aiormq.channel import Channel
from aiormq.exceptions import PublishError

from common.bus.rabbitmq.confirms import publish_all
from common.bus.rabbitmq.frames import Publication
from common.bus.rabbitmq.link import BROKER_ERRORS, Link

CONFIRM_TIMEOUT = 10.0


class Publisher:
    """A connection with one channel. `name` shows in the broker's list of connections."""

    def __init__(self, url: str, name: str) -> None:
        self._link = Link(url, name)
        self._channel: Channel | None = None

    @property
    def connected(self) -> bool:
        return self._link.connected

    async def open(self) -> Channel:
        """The channel, a new one when the last is gone. Raises ConnectionError when the broker cannot be reached."""
        if self._channel is None or self._channel.is_closed or not self._link.connected:
            self._channel = await self._link.channel()
        return self._channel

    async def drop(self) -> None:
        await self._link.drop()

    async def publish(self, batch: Sequence[Publication]) -> list[Exception | None]:
        """Write the batch in order, then wait for the confirms together, a bounded time.

        For each None once the broker has stored it, ConnectionError when it may yet have been, else why it never will
        be. Raises ConnectionError when nothing was confirmed.
        """
        channel = await self.open()
        try:
            confirms = await publish_all(channel, batch)
        except BROKER_ERRORS as error:
            await self.drop()
            raise ConnectionError(f"the broker went away: {error!r}") from error
        _, late = await asyncio.wait(confirms, timeout=CONFIRM_TIMEOUT)
        if late:
            # Whatever is still unconfirmed may or may not have arrived; a fresh channel starts its own count.
            await self.drop()
        outcomes = [_outcome(confirm) for confirm in confirms]
        if all(isinstance(outcome, ConnectionError) for outcome in outcomes):
            raise ConnectionError(f"nothing was confirmed: {outcomes[0]}")
        return outcomes


def _outcome(confirm: asyncio.Future[object]) -> Exception | None:
    """None when confirmed; ConnectionError when it may yet succeed; else why this message never will."""
    if confirm.cancelled() or not confirm.done():
        return ConnectionError("not confirmed in time")
    error = confirm.exception()
    if isinstance(error, Exception) and _is_refusal(error):
        return error
    return None if error is None else ConnectionError(repr(error))


def _is_refusal(error: Exception) -> bool:
    """Returned as unroutable, or it could not even be encoded. A nack is neither: the broker is short of something."""
    return isinstance(error, PublishError) or not isinstance(error, BROKER_ERRORS)
