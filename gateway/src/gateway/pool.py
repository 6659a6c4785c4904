"""The connections to one service: made when needed, kept for a while."""

import asyncio
import ssl
import time
from collections import deque
from urllib.parse import urlsplit

from gateway.connection import Connection

# Services keep idle connections for 75 s; ours end first, so that none is closed as a request goes out.
IDLE = 20.0


class Pool:
    """`url` is where the service is, http or https; `host` what its requests name as theirs."""

    def __init__(self, url: str, connect_timeout: float) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or parts.hostname is None:
            raise ValueError(f"{url} is no http or https URL")
        self.host = parts.netloc.rpartition("@")[2].encode()
        self.base = parts.path.rstrip("/").encode()
        self._name = parts.hostname
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._port = parts.port or (443 if self._tls else 80)
        self._connect_timeout = connect_timeout
        self._idle: deque[tuple[float, Connection]] = deque()

    async def acquire(self, *, fresh: bool = False) -> Connection:
        """A connection that is open, with `fresh` a new one. OSError when none can be had, TimeoutError included."""
        while self._idle and not fresh:
            since, connection = self._idle.pop()
            if connection.is_open and time.monotonic() - since < IDLE:
                return connection
            connection.close()
        async with asyncio.timeout(self._connect_timeout):
            loop = asyncio.get_running_loop()
            _, connection = await loop.create_connection(Connection, self._name, self._port, ssl=self._tls)
            return connection

    def release(self, connection: Connection) -> None:
        """Take it back. It is closed unless its exchange came to a clean end."""
        if not connection.is_reusable:
            connection.close()
            return
        now = time.monotonic()
        self._idle.append((now, connection))
        if now - self._idle[0][0] >= IDLE:
            self._idle.popleft()[1].close()

    def close(self) -> None:
        while self._idle:
            self._idle.pop()[1].close()
