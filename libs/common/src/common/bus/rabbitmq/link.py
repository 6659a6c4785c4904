"""One AMQP connection that is made again when it is gone. No hidden retries: callers see every failure."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import cast

import aio_pika
from aio_pika.abc import AbstractConnection
from aiormq.channel import Channel
from aiormq.exceptions import AMQPError

log = logging.getLogger(__name__)

CONNECT_TIMEOUT = 10.0
CLOSE_TIMEOUT = 2.0
HEARTBEAT = 10
BROKER_ERRORS = (AMQPError, OSError, TimeoutError, RuntimeError, asyncio.InvalidStateError)


class Link:
    """A connection to the broker and the channels opened on it."""

    def __init__(self, url: str, name: str) -> None:
        self._url = url
        self._name = name
        self._connection: AbstractConnection | None = None
        self._lock = asyncio.Lock()

    @property
    def connected(self) -> bool:
        return self._connection is not None and not self._connection.is_closed

    async def channel(self) -> Channel:
        """A new channel with publisher confirms, on the living connection or a new one.

        Raises ConnectionError within about ten seconds when the broker cannot be reached.
        """
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT), self._lock:
                if not self.connected:
                    await self._reconnect()
                assert self._connection is not None  # noqa: S101  (just connected)
                channel = self._connection.channel(publisher_confirms=True, on_return_raises=True)
                await channel.initialize()
                # The concrete class: its publish can skip the wait for the socket to drain.
                return cast("Channel", await channel.get_underlay_channel())
        except BROKER_ERRORS as error:
            await self.drop()
            raise ConnectionError(f"broker not reachable: {error!r}") from error

    async def _reconnect(self) -> None:
        await self.drop()
        self._connection = await aio_pika.connect(
            self._url,
            timeout=CONNECT_TIMEOUT,
            heartbeat=HEARTBEAT,
            client_properties={"connection_name": self._name},
        )

    async def drop(self) -> None:
        """Forget the connection; a half-open one must not hold anybody up."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(*BROKER_ERRORS):
                await asyncio.wait_for(connection.close(), CLOSE_TIMEOUT)
