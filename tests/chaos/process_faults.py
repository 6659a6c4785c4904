"""Processes that die, are suspended, or are replaced."""

import asyncio
import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from random import Random

import httpx

from common.testing import eventually
from dukan.services import GATEWAY, SERVICES
from tests.chaos.faults import Environment, Fault, NotInjectedError, pid_of

SHORT_FREEZE = (1.0, 4.0)
# Longer than the time-outs of confirms (10 s), heartbeats (10 s, missed twice) and idle transactions (30 s).
LONG_FREEZE = 35.0
BACK_SECONDS = 60.0
WITH_CONSUMERS = ("orders", "catalog", "billing", "notifications", "operations")


@dataclass(frozen=True)
class Kill:
    """SIGKILL; the supervisor starts the process again."""

    service: str

    @property
    def name(self) -> str:
        return f"kill-{self.service}"

    async def inject(self, environment: Environment, rng: Random) -> None:
        os.kill(environment.pid_of(self.service), signal.SIGKILL)


@dataclass(frozen=True)
class Freeze:
    """SIGSTOP, and SIGCONT a little later: connections stay open without responses."""

    service: str

    @property
    def name(self) -> str:
        return f"freeze-{self.service}"

    async def inject(self, environment: Environment, rng: Random) -> None:
        await _freeze(environment.pid_of(self.service), rng.uniform(*SHORT_FREEZE))


@dataclass(frozen=True)
class LongFreeze:
    """SIGSTOP for so long that broker and database drop the process; it resumes without noticing the time."""

    name: str = "freeze-long"

    async def inject(self, environment: Environment, rng: Random) -> None:
        await _freeze(environment.pid_of(rng.choice(WITH_CONSUMERS)), LONG_FREEZE)


@dataclass(frozen=True)
class RollingRestart:
    """SIGTERM to one service after another, each when the previous one is ready again."""

    name: str = "rolling-restart"

    async def inject(self, environment: Environment, rng: Random) -> None:
        for service in rng.sample([*SERVICES, GATEWAY], len(SERVICES) + 1):
            before = environment.pid_of(service)
            os.kill(before, signal.SIGTERM)
            await replaced(environment, service, before)


@dataclass(frozen=True)
class PowerCut:
    """SIGKILL to every process of the platform at once, then start."""

    name: str = "kill-all"

    async def inject(self, environment: Environment, rng: Random) -> None:
        await environment.platform.kill()
        await environment.platform.start()


async def _freeze(pid: int, seconds: float) -> None:
    os.kill(pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(seconds)
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


async def replaced(environment: Environment, service: str, before: int) -> None:
    async def another_is_ready() -> bool:
        return pid_of(environment.platform, service) not in {before, None} and await is_ready(environment, service)

    try:
        await eventually(another_is_ready, within=BACK_SECONDS)
    except AssertionError:
        raise NotInjectedError(f"{service} was not ready {BACK_SECONDS:.0f} s after its TERM") from None


async def is_ready(environment: Environment, service: str) -> bool:
    try:
        response = await environment.platform.http.get(
            f"{environment.platform.url_of(service)}/health/ready", timeout=5
        )
    except httpx.TransportError:
        return False
    return response.status_code == 200


PROCESS_FAULTS: Sequence[Fault] = (
    *(Kill(service) for service in (*SERVICES, GATEWAY)),
    *(Freeze(service) for service in (*SERVICES, GATEWAY)),
    LongFreeze(),
    RollingRestart(),
    PowerCut(),
)
