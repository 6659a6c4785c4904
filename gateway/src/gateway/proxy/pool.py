"""The connections to one service: opened on demand, kept alive for a while."""

import asyncio
import ssl
import time
from collections import deque
from urllib.parse import urlsplit

from gateway.proxy.connection import Connection

KEEP_ALIVE_SECONDS = 20.0
"""Services keep idle connections for 75 s. Less here, so that none is closed just as a request is sent on it."""


class ConnectionPool:
    """`url` is the service's, http or https; `host` goes into the Host header. The number of connections is bounded
    by the requests that `Upstream` and `BodyLimits` admit.
    """

    def __init__(self, url: str, connect_timeout: float) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or parts.hostname is None:
            raise ValueError(f"{url} is not an http or https URL")
        self.host = parts.netloc.rpartition("@")[2].encode()
        self.base_path = parts.path.rstrip("/").encode()
        self._hostname = parts.hostname
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._port = parts.port or (443 if self._tls else 80)
        self._connect_timeout = connect_timeout
        self._idle: deque[tuple[float, Connection]] = deque()

    async def acquire(self, *, fresh: bool = False) -> Connection:
        """An open connection, with `fresh` a new one. Raises OSError (TimeoutError included) if none can be opened."""
        while self._idle and not fresh:
            idle_since, connection = self._idle.pop()
            if connection.is_open and time.monotonic() - idle_since < KEEP_ALIVE_SECONDS:
                return connection
            connection.close()
        async with asyncio.timeout(self._connect_timeout):
            loop = asyncio.get_running_loop()
            _, connection = await loop.create_connection(Connection, self._hostname, self._port, ssl=self._tls)
            return connection

    def release(self, connection: Connection) -> None:
        """Take the connection back; it is closed unless both request and response are complete."""
        if not connection.is_reusable:
            connection.close()
            return
        now = time.monotonic()
        self._idle.append((now, connection))
        if now - self._idle[0][0] >= KEEP_ALIVE_SECONDS:
            self._idle.popleft()[1].close()

    def close(self) -> None:
        while self._idle:
            self._idle.pop()[1].close()
