"""Just enough of Redis (or Valkey) to run one script there: RESP2 on one connection, questions in a row.

Why no client library: the gateway asks one thing, on every request, with an answer in 50 ms or none; what a library
adds (pools, retries, commands) would have to be turned off. Sources: the Redis serialization protocol specification.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from urllib.parse import unquote, urlsplit

log = logging.getLogger(__name__)

PATIENCE = 0.05
"""Seconds for an answer."""
CONNECT_PATIENCE = 2.0
AGAIN_AFTER = 1.0
MOST_WAITING = 1000


class RedisAwayError(ConnectionError):
    """It cannot say: not connected, too slow, or in trouble."""


class Script:
    """`lua` at the server of `url` (redis:// or rediss://, with password and database as usual)."""

    def __init__(self, url: str, lua: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("redis", "rediss") or not parts.hostname:
            raise ValueError("DUKAN_REDIS_URL is no redis:// or rediss:// URL")
        self._host, self._port = parts.hostname, parts.port or 6379
        self._tls = parts.scheme == "rediss"
        self._greeting: list[list[bytes]] = []
        if parts.password:
            user = [unquote(parts.username).encode()] if parts.username else []
            self._greeting.append([b"AUTH", *user, unquote(parts.password).encode()])
        if parts.path.strip("/"):
            self._greeting.append([b"SELECT", parts.path.strip("/").encode()])
        self._load = [b"SCRIPT", b"LOAD", lua.encode()]
        self._sha = b""
        self._writer: asyncio.StreamWriter | None = None
        self._asked: deque[asyncio.Future[list[int]]] = deque()

    @property
    def connected(self) -> bool:
        return self._writer is not None

    async def run(self, keys: Sequence[str], values: Sequence[str]) -> list[int]:
        """What the script returns, a list of numbers. Raises RedisAwayError."""
        if self._writer is None or len(self._asked) >= MOST_WAITING:
            raise RedisAwayError("not connected")
        words = [b"EVALSHA", self._sha, b"%d" % len(keys), *(text.encode() for text in (*keys, *values))]
        self._writer.write(_command(words))
        answer: asyncio.Future[list[int]] = asyncio.get_running_loop().create_future()
        self._asked.append(answer)
        try:
            async with asyncio.timeout(PATIENCE):
                return await asyncio.shield(answer)
        except TimeoutError:
            # The rest would wait as long each; a new connection is tried in a moment.
            if self._writer is not None:
                self._writer.transport.abort()
            raise RedisAwayError("too slow") from None

    async def keep_connected(self) -> None:
        """Connect, and again when it breaks, for ever."""
        while True:
            try:
                await self._serve()
            except (OSError, TimeoutError, ValueError, asyncio.IncompleteReadError) as error:
                log.warning("Redis is away, each gateway counts for itself: %r", error)
            finally:
                self._drop()
            await asyncio.sleep(AGAIN_AFTER)

    async def _serve(self) -> None:
        async with asyncio.timeout(CONNECT_PATIENCE):
            reader, writer = await asyncio.open_connection(self._host, self._port, ssl=self._tls or None)
            try:
                for words in (*self._greeting, self._load):
                    writer.write(_command(words))
                    self._sha = _said(await _reply(reader))
            except BaseException:
                writer.close()
                raise
        self._writer = writer
        log.info("limits are shared over Redis")
        while True:
            numbers = _numbers(await _reply(reader))
            if not self._asked:
                raise RedisAwayError("an answer that nobody asked for")
            answer = self._asked.popleft()
            if not answer.done():
                answer.set_result(numbers)

    def _drop(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        for answer in self._asked:
            if not answer.done():
                answer.set_exception(RedisAwayError("the connection broke"))
                # Who asked may have given up.
                answer.exception()
        self._asked.clear()


Reply = bytes | int | list["Reply"] | None


def _command(words: Sequence[bytes]) -> bytes:
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


async def _reply(reader: asyncio.StreamReader) -> Reply:
    line = (await reader.readuntil(b"\r\n"))[:-2]
    kind, rest = line[:1], line[1:]
    match kind:
        case b"+":
            return rest
        case b":":
            return int(rest)
        case b"$":
            return None if rest == b"-1" else (await reader.readexactly(int(rest) + 2))[:-2]
        case b"*":
            return [await _reply(reader) for _ in range(int(rest))]
    raise RedisAwayError(rest.decode("utf-8", "replace"))


def _said(reply: Reply) -> bytes:
    if not isinstance(reply, bytes):
        raise RedisAwayError("an answer of another kind")
    return reply


def _numbers(reply: Reply) -> list[int]:
    if not isinstance(reply, list):
        raise RedisAwayError("an answer of another kind")
    return [number for number in reply if isinstance(number, int)]
