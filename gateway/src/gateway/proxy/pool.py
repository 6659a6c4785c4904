"""The connections to one service: opened on demand, used in turn, kept alive for a while.

Behind one address there may be several replicas, and a connection stays with the one that it reached. So that each
gets its share, and an added one too, requests go to the connections in turn, and no connection gets old.
"""

import asyncio
import random
import socket
import ssl
import time
from collections import deque
from urllib.parse import urlsplit

from gateway.proxy.connection import Connection

KEEP_ALIVE_SECONDS = 20.0
"""Services keep idle connections for 75 s. Less here, so that none is closed just as a request is sent on it."""


SPREAD = 8
"""Idle connections to keep in turn, also for a client that sends one request after the other."""
GROW_SECONDS = 0.5
"""The pause between connections that are opened for that reason only."""
AGE_JITTER = 0.25
"""Connections opened together must not end together."""


class ConnectionPool:
    """`url` is the service's, http or https; `host` goes into the Host header. The number of connections is bounded
    by the requests that `Upstream` and `BodyLimits` admit.
    """

    def __init__(self, url: str, connect_timeout: float, max_age: float = 30.0) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or parts.hostname is None:
            raise ValueError(f"{url} is not an http or https URL")
        self.host = parts.netloc.rpartition("@")[2].encode()
        self.base_path = parts.path.rstrip("/").encode()
        self._hostname = parts.hostname
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._port = parts.port or (443 if self._tls else 80)
        self._connect_timeout = connect_timeout
        self._max_age = max_age
        self._opened_at = float("-inf")
        self._idle: deque[tuple[float, Connection]] = deque()

    async def acquire(self, *, fresh: bool = False) -> Connection:
        """An open connection, with `fresh` a new one. Raises OSError (TimeoutError included) if none can be opened."""
        now = time.monotonic()
        grows = len(self._idle) < SPREAD and now - self._opened_at >= GROW_SECONDS
        while self._idle and not fresh and not grows:
            # The one that was idle longest: the last one would get all requests of a calm hour.
            idle_since, connection = self._idle.popleft()
            if connection.is_open and now - idle_since < KEEP_ALIVE_SECONDS and now < connection.retires_at:
                return connection
            connection.close()
        self._opened_at = now
        async with asyncio.timeout(self._connect_timeout):
            connection = await self._connect()
        connection.retires_at = now + self._max_age * random.uniform(1 - AGE_JITTER, 1 + AGE_JITTER)  # noqa: S311
        return connection

    async def _connect(self) -> Connection:
        """To one of the addresses of the name, chosen at random; to the next one if it does not answer."""
        loop = asyncio.get_running_loop()
        addresses = await loop.getaddrinfo(self._hostname, self._port, type=socket.SOCK_STREAM)
        random.shuffle(addresses)
        name = self._hostname if self._tls else None
        failure = OSError(f"{self._hostname} has no address")
        for address in addresses:
            host, port = address[4][:2]
            try:
                _, connection = await loop.create_connection(
                    Connection, str(host), int(port), ssl=self._tls, server_hostname=name
                )
            except OSError as error:
                failure = error
            else:
                return connection
        raise failure

    def release(self, connection: Connection) -> None:
        """Take the connection back; it is closed unless both request and response are complete."""
        now = time.monotonic()
        if not connection.is_reusable or now >= connection.retires_at:
            connection.close()
            return
        self._idle.append((now, connection))
        if now - self._idle[0][0] >= KEEP_ALIVE_SECONDS:
            self._idle.popleft()[1].close()

    def close(self) -> None:
        while self._idle:
            self._idle.pop()[1].close()
