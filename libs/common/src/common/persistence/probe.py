"""Whether the database answers and takes writes: what readiness asks, each time within a second and a half."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import asyncpg

PROBE_SECONDS = 1.5
HANG_SECONDS = 10.0
"""A connection that has not answered for so long is replaced: its link may be half-open."""
FULL_SECONDS = 5.0
"""How long an error of a full disk counts before the probe tries to write."""

WRITE = """
CREATE TEMP TABLE dukan_probe ON COMMIT DROP AS SELECT repeat('x', 1000) AS filler FROM generate_series(1, 1000)
"""
"""One megabyte: extending a table fails at once on a full disk, a small update may still find room in a page."""


class DiskFull:
    """When the database last said that its disk is full."""

    def __init__(self) -> None:
        self.since: float | None = None

    def record(self) -> None:
        self.since = time.monotonic()


class Probe:
    """Has a connection of its own, so that a busy pool is not taken for a database that hangs."""

    def __init__(self, url: str, disk_full: DiskFull) -> None:
        self._url = url
        self._disk_full = disk_full
        self._connection: asyncpg.Connection | None = None
        self._using = asyncio.Lock()
        self._answering = _Shared(self._answers)
        self._writing = _Shared(self._writes)

    async def answers(self) -> bool:
        """False if a SELECT does not come back in time."""
        return await self._answering.result()

    async def has_room(self) -> bool:
        """False while the disk is full: since a statement failed for that, until a probe can write."""
        since = self._disk_full.since
        if since is None:
            return True
        return time.monotonic() - since > FULL_SECONDS and await self._writing.result()

    async def close(self) -> None:
        await self._answering.cancel()
        await self._writing.cancel()
        self._drop()

    async def _answers(self) -> bool:
        return await self._on_connection(lambda sql: sql.fetchval("SELECT true"))

    async def _writes(self) -> bool:
        try:
            await self._on_connection(lambda sql: sql.execute(WRITE))
        except asyncpg.DiskFullError:
            self._disk_full.record()
            return False
        except asyncpg.InsufficientPrivilegeError:
            pass  # the next statement that fails will tell
        self._disk_full.since = None
        return True

    async def _on_connection(self, ask: Callable[[asyncpg.Connection], Awaitable[object]]) -> bool:
        async with self._using:
            for is_fresh in (False, True):
                sql = await self._connect()
                # Ends the wait below: a cancelled query would leave asyncpg a task that waits for the server.
                timer = asyncio.get_running_loop().call_later(HANG_SECONDS, sql.terminate)
                try:
                    return bool(await ask(sql))
                except (OSError, asyncpg.InterfaceError, asyncpg.PostgresConnectionError, asyncpg.AdminShutdownError):
                    # The server may have been restarted since the last probe.
                    self._drop()
                    if is_fresh:
                        raise
                finally:
                    timer.cancel()
        return False

    async def _connect(self) -> asyncpg.Connection:
        if self._connection is None or self._connection.is_closed():
            self._connection = await asyncpg.connect(
                self._url, timeout=HANG_SECONDS, server_settings={"application_name": "dukan"}
            )
        return self._connection

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None


class _Shared:
    """One run at a time, for all who ask meanwhile: probes of a database that hangs must not pile up."""

    def __init__(self, run: Callable[[], Awaitable[bool]]) -> None:
        self._run = run
        self._task: asyncio.Task[bool] | None = None

    async def result(self) -> bool:
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._guarded())
        task = self._task
        done, _ = await asyncio.wait({task}, timeout=PROBE_SECONDS)
        return bool(done) and not task.cancelled() and task.result()

    async def cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _guarded(self) -> bool:
        try:
            return await self._run()
        except Exception:  # whatever it was, the database did not answer
            return False
