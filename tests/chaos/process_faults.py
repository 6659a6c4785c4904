"""Processes that die, stand still, or are replaced."""

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
from tests.chaos.faults import Fault, NotInjectedError, Stage, serving

SHORT_FREEZE = (1.0, 4.0)
# Past the time-outs of confirms (10 s), of heartbeats (10 s, missed twice) and of idle transactions (30 s).
LONG_FREEZE = 35.0
BACK_SECONDS = 60.0
WITH_CONSUMERS = ("orders", "catalog", "billing", "notifications", "operations")


@dataclass(frozen=True)
class Kill:
    """SIGKILL; the supervisor starts it again."""

    service: str

    @property
    def name(self) -> str:
        return f"kill-{self.service}"

    async def strike(self, stage: Stage, rng: Random) -> None:
        os.kill(stage.pid_of(self.service), signal.SIGKILL)


@dataclass(frozen=True)
class Freeze:
    """SIGSTOP, and CONT a little later: connections stay open and nobody answers."""

    service: str

    @property
    def name(self) -> str:
        return f"freeze-{self.service}"

    async def strike(self, stage: Stage, rng: Random) -> None:
        await _freeze(stage.pid_of(self.service), rng.uniform(*SHORT_FREEZE))


@dataclass(frozen=True)
class LongFreeze:
    """So long that broker and database give the process up; then it wakes and believes that no time has passed."""

    name: str = "freeze-long"

    async def strike(self, stage: Stage, rng: Random) -> None:
        await _freeze(stage.pid_of(rng.choice(WITH_CONSUMERS)), LONG_FREEZE)


@dataclass(frozen=True)
class RollingRestart:
    """TERM one service after another, each when the one before is ready again."""

    name: str = "rolling-restart"

    async def strike(self, stage: Stage, rng: Random) -> None:
        for service in rng.sample([*SERVICES, GATEWAY], len(SERVICES) + 1):
            before = stage.pid_of(service)
            os.kill(before, signal.SIGTERM)
            await replaced(stage, service, before)


@dataclass(frozen=True)
class PowerCut:
    """Every process of the platform at once, and all of them started again."""

    name: str = "kill-all"

    async def strike(self, stage: Stage, rng: Random) -> None:
        await stage.shop.kill()
        await stage.shop.start()


async def _freeze(pid: int, seconds: float) -> None:
    os.kill(pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(seconds)
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


async def replaced(stage: Stage, service: str, before: int) -> None:
    async def another_is_ready() -> bool:
        return serving(stage.shop, service) not in {before, None} and await is_ready(stage, service)

    try:
        await eventually(another_is_ready, within=BACK_SECONDS)
    except AssertionError:
        raise NotInjectedError(f"{service} was not ready {BACK_SECONDS:.0f} s after its TERM") from None


async def is_ready(stage: Stage, service: str) -> bool:
    try:
        response = await stage.shop.http.get(f"{stage.shop.url_of(service)}/health/ready", timeout=5)
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
