"""Faults of the database server: restart, kill, a killed backend, terminated sessions."""

import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import asyncpg

from dukan.services import SERVICES
from tests.chaos.faults import Environment, Fault, NotInjectedError

CONNECT_SECONDS = 5.0
BACKENDS = "SELECT pid FROM pg_stat_activity WHERE usename = $1 AND backend_type = 'client backend' ORDER BY pid"
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


DATABASE_FAULTS: Sequence[Fault] = (Restart(), Kill(), Crash(), Terminate())
