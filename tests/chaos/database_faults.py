"""Faults of the database server: restart, kill, a killed backend, terminated sessions, a hang, a full disk."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from random import Random

import asyncpg
import httpx

from common.testing import eventually
from dukan.services import SERVICES
from tests.chaos.faults import Environment, Fault, NotInjectedError, children_of

CONNECT_SECONDS = 5.0
BACKENDS = "SELECT pid FROM pg_stat_activity WHERE usename = $1 AND backend_type = 'client backend' ORDER BY pid"
# Short ones pass unnoticed, long ones exceed the time-outs of the probe (1.5 s) and of BEGIN (10 s).
HANG = (2.0, 15.0)
FULL = (3.0, 10.0)
NOTICE_SECONDS = 30.0
WRITERS = ("orders", "catalog", "billing", "notifications")
FILL = """
CREATE FUNCTION chaos_disk_full() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$;
"""
FILL_TABLE = """
CREATE TRIGGER chaos_disk_full BEFORE INSERT ON {table} FOR EACH STATEMENT EXECUTE FUNCTION chaos_disk_full()
"""
EMPTY = "DROP FUNCTION IF EXISTS chaos_disk_full() CASCADE"
FILLED = ("outbox", "inbox")
TERMINATE = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1"


@dataclass(frozen=True)
class Restart:
    """Fast shutdown: sessions are terminated, transactions in progress are rolled back."""

    name: str = "postgres-restart"

    async def inject(self, environment: Environment, rng: Random) -> None:
        await environment.outside(environment.postgres.stop)
        await environment.outside(environment.postgres.start)


@dataclass(frozen=True)
class Kill:
    """kill -9 of the server: the outcome of commits in progress is unknown."""

    name: str = "postgres-kill"

    async def inject(self, environment: Environment, rng: Random) -> None:
        if environment.postgres.pid is None:
            raise NotInjectedError("the database server does not run")
        os.kill(environment.postgres.pid, signal.SIGKILL)
        await environment.outside(environment.postgres.stop)
        await environment.outside(environment.postgres.start)


@dataclass(frozen=True)
class Crash:
    """kill -9 of one backend: the server terminates all sessions and recovers from its WAL."""

    name: str = "postgres-backend-kill"

    async def inject(self, environment: Environment, rng: Random) -> None:
        connection = await asyncpg.connect(environment.postgres.url, timeout=CONNECT_SECONDS)
        try:
            backends = await connection.fetch(BACKENDS, f"dukan_{rng.choice(SERVICES)}")
        finally:
            await connection.close()
        if not backends:
            raise NotInjectedError("the service has no session")
        os.kill(rng.choice(backends)["pid"], signal.SIGKILL)


@dataclass(frozen=True)
class Terminate:
    """All sessions of one service are terminated."""

    name: str = "postgres-ends-sessions"

    async def inject(self, environment: Environment, rng: Random) -> None:
        connection = await asyncpg.connect(environment.postgres.url, timeout=CONNECT_SECONDS)
        try:
            await connection.fetch(TERMINATE, f"dukan_{rng.choice(SERVICES)}")
        finally:
            await connection.close()


@dataclass(frozen=True)
class Hang:
    """SIGSTOP to the server and all its processes, then SIGCONT: it accepts connections and answers nothing.

    If it lasts, every service must be unready: readiness asks the database, and has an end.
    """

    name: str = "postgres-hang"

    async def inject(self, environment: Environment, rng: Random) -> None:
        if environment.postgres.pid is None:
            raise NotInjectedError("the database server does not run")
        stopped = [environment.postgres.pid, *children_of(environment.postgres.pid)]
        for pid in stopped:
            _signal(pid, signal.SIGSTOP)
        try:
            service = rng.choice(SERVICES)
            await _notices(environment, service, "database")
            await asyncio.sleep(rng.uniform(*HANG))
        finally:
            for pid in stopped:
                _signal(pid, signal.SIGCONT)


@dataclass(frozen=True)
class DiskFull:
    """One service's database answers 53100 (disk_full) to every event, and then has room again.

    A trigger stands for the disk: to fill a real one takes a file system of its own, and so the right to mount it.
    """

    name: str = "postgres-disk-full"

    async def inject(self, environment: Environment, rng: Random) -> None:
        service = rng.choice(WRITERS)
        async with _full(environment, service):
            await _notices(environment, service, "disk")
            await asyncio.sleep(rng.uniform(*FULL))


@asynccontextmanager
async def _full(environment: Environment, service: str) -> AsyncIterator[None]:
    connection = await asyncpg.connect(
        environment.postgres.url, database=f"dukan_{service}", timeout=CONNECT_SECONDS, command_timeout=NOTICE_SECONDS
    )
    try:
        await connection.execute(FILL)
        for table in FILLED:
            # Each alone: two locks in one transaction would deadlock with the load.
            await connection.execute(FILL_TABLE.format(table=table))
        yield
    finally:
        await connection.execute(EMPTY)
        await connection.close()


async def _notices(environment: Environment, service: str, check: str) -> None:
    """Wait until the service is unready for this reason. Raises NotInjectedError if that takes too long."""

    async def is_unready() -> bool:
        with suppress(httpx.TransportError):
            url = f"{environment.platform.url_of(service)}/health/ready"
            response = await environment.platform.http.get(url, timeout=CONNECT_SECONDS)
            return response.status_code == 503 and response.json()["errors"][0]["detail"][check] is False
        return False

    try:
        await eventually(is_unready, within=NOTICE_SECONDS)
    except AssertionError:
        raise NotInjectedError(f"/health/ready of {service} did not notice it: {check}") from None


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


DATABASE_FAULTS: Sequence[Fault] = (Restart(), Kill(), Crash(), Terminate(), Hang(), DiskFull())
