"""A connection that is opened again after it was lost. No hidden retries: callers see every failure."""

import asyncio

from common.bus.rabbitmq.connection import CONNECT_SECONDS, AmqpConnection


class Connector:
    """The connection of one name; everything in the process that asks for it shares it."""

    def __init__(self, url: str, name: str) -> None:
        self._url = url
        self._name = name
        self._connection: AmqpConnection | None = None
        self._opening = asyncio.Lock()

    @property
    def connected(self) -> bool:
        return self._connection is not None and self._connection.is_open

    async def get(self) -> AmqpConnection:
        """The open connection, or a new one. Raises ConnectionError within about ten seconds."""
        try:
            async with asyncio.timeout(CONNECT_SECONDS), self._opening:
                if self._connection is None or not self._connection.is_open:
                    self._connection = await AmqpConnection.open(self._url, self._name)
                return self._connection
        except TimeoutError as error:
            raise ConnectionError("broker not reachable in time") from error

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()
