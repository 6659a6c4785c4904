"""The database server restarts, dies, loses a backend, or ends a service's sessions."""

import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import asyncpg

from dukan.services import SERVICES
from tests.chaos.faults import Fault, NotInjectedError, Stage

CONNECT_SECONDS = 5.0
BACKENDS = "SELECT pid FROM pg_stat_activity WHERE usename = $1 AND backend_type = 'client backend' ORDER BY pid"
TERMINATE = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1"


@dataclass(frozen=True)
class Restart:
    """Fast shutdown: every session is told and cut, transactions in flight are rolled back."""

    name: str = "postgres-restart"

    async def strike(self, stage: Stage, rng: Random) -> None:
        await stage.outside(stage.postgres.stop)
        await stage.outside(stage.postgres.start)


@dataclass(frozen=True)
class Kill:
    """kill -9 of the server: commits in flight may or may not have happened, and nobody is told."""

    name: str = "postgres-kill"

    async def strike(self, stage: Stage, rng: Random) -> None:
        if stage.postgres.pid is None:
            raise NotInjectedError("the database server does not run")
        os.kill(stage.postgres.pid, signal.SIGKILL)
        await stage.outside(stage.postgres.stop)
        await stage.outside(stage.postgres.start)


@dataclass(frozen=True)
class Crash:
    """kill -9 of one backend: the server throws everybody out and recovers from its log by itself."""

    name: str = "postgres-backend-kill"

    async def strike(self, stage: Stage, rng: Random) -> None:
        connection = await asyncpg.connect(stage.postgres.url, timeout=CONNECT_SECONDS)
        try:
            backends = await connection.fetch(BACKENDS, f"dukan_{rng.choice(SERVICES)}")
        finally:
            await connection.close()
        if not backends:
            raise NotInjectedError("the service has no session")
        os.kill(rng.choice(backends)["pid"], signal.SIGKILL)


@dataclass(frozen=True)
class Terminate:
    """An administrator ends all sessions of one service."""

    name: str = "postgres-ends-sessions"

    async def strike(self, stage: Stage, rng: Random) -> None:
        connection = await asyncpg.connect(stage.postgres.url, timeout=CONNECT_SECONDS)
        try:
            await connection.fetch(TERMINATE, f"dukan_{rng.choice(SERVICES)}")
        finally:
            await connection.close()


DATABASE_FAULTS: Sequence[Fault] = (Restart(), Kill(), Crash(), Terminate())
