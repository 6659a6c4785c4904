"""One script in Redis (or Valkey), run through redis-py with a response in 50 ms or none.

A request never waits for a connection attempt: a background task connects, and until it has, `run` fails at once.
Imported only if DUKAN_REDIS_URL is set: redis-py takes memory and time to load.
"""

import asyncio
import logging
from collections.abc import Sequence
from urllib.parse import urlsplit

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from gateway.errors import RedisUnavailable

log = logging.getLogger(__name__)

RESPONSE_TIMEOUT_SECONDS = 0.05
CONNECT_TIMEOUT_SECONDS = 2.0
RETRY_SECONDS = 1.0
MAX_CONNECTIONS = 50
"""redis-py uses one connection per call in flight; further calls wait for a free one."""


class RedisScript:
    """`lua` at the server of `url` (redis:// or rediss://, with password and database as usual)."""

    def __init__(self, url: str, lua: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("redis", "rediss") or not parts.hostname:
            raise ValueError("DUKAN_REDIS_URL must be a redis:// or rediss:// URL")
        # No retries: the caller has its own counts and waits for 50 ms at most. RESP2 and no driver_info: HELLO and
        # CLIENT SETINFO each cost a round trip per connection.
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=MAX_CONNECTIONS,
            timeout=None,
            socket_connect_timeout=CONNECT_TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
            driver_info=None,
        )
        self._client = Redis.from_pool(pool)
        self._script = self._client.register_script(lua)
        self._failed = asyncio.Event()
        self.connected = False

    async def run(self, keys: Sequence[str], arguments: Sequence[str]) -> list[int]:
        """The script's result, a list of numbers. Raises RedisUnavailable."""
        if not self.connected:
            raise RedisUnavailable("not connected")
        try:
            async with asyncio.timeout(RESPONSE_TIMEOUT_SECONDS):
                result: list[int] = await self._script(keys, arguments)
                return result
        except (RedisError, OSError) as error:
            # The next calls would fail or wait as long: they fail at once until the connection is back.
            self.connected = False
            self._failed.set()
            raise RedisUnavailable(repr(error)) from error

    async def keep_connected(self) -> None:
        """Connect, and again after each failure, until cancelled."""
        try:
            while True:
                try:
                    await self._connect()
                    await self._failed.wait()
                    log.warning("Redis does not respond, each gateway counts for itself")
                except (RedisError, OSError) as error:
                    log.warning("Redis is unavailable, each gateway counts for itself: %r", error)
                await self._client.connection_pool.disconnect()
                await asyncio.sleep(RETRY_SECONDS)
        finally:
            await self._client.aclose()

    async def _connect(self) -> None:
        async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS):
            await self._client.script_load(self._script.script)
        self._failed.clear()
        self.connected = True
        log.info("limits are shared over Redis")
