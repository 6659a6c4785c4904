"""The network between services and broker, and between services and database."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

from tests.chaos.faults import Fault, NotInjectedError, Stage
from tests.chaos.proxy import Link, Proxy

Side = Literal["broker", "database"]

BUSY = ("orders", "catalog", "billing", "notifications", "operations")
# Some pass the time-out of confirms and of connecting (10 s), none lasts for a missed heartbeat.
STALL = (2.0, 14.0)
BYTES = (1, 20_000)
BYTES_SECONDS = 15.0
AWAY = (1.0, 6.0)
LATENCY = (0.02, 0.08)
LATENCY_SECONDS = 6.0


@dataclass(frozen=True)
class OnLinks:
    """A fault of the connections of one service, or of all (one time in four)."""

    side: Side

    def proxy(self, stage: Stage) -> Proxy:
        return stage.amqp_link if self.side == "broker" else stage.postgres_link

    def chosen(self, stage: Stage, rng: Random) -> list[Link]:
        service = rng.choice(BUSY)
        owner = service if self.side == "broker" else f"dukan_{service}"
        proxy = self.proxy(stage)
        links = proxy.links() if rng.random() < 0.25 else proxy.links(owner)
        if not links:
            raise NotInjectedError(f"{service} has no connection to the {self.side}")
        return links


@dataclass(frozen=True)
class Cut(OnLinks):
    """Reset at once."""

    @property
    def name(self) -> str:
        return f"{self.side}-link-cut"

    async def strike(self, stage: Stage, rng: Random) -> None:
        for link in self.chosen(stage, rng):
            link.cut()


@dataclass(frozen=True)
class CutAfterBytes(OnLinks):
    """Reset in the middle of whatever is being said then."""

    @property
    def name(self) -> str:
        return f"{self.side}-link-cut-after-bytes"

    async def strike(self, stage: Stage, rng: Random) -> None:
        links = self.chosen(stage, rng)
        for link in links:
            link.cut_after = rng.randint(*BYTES)
        deadline = asyncio.get_running_loop().time() + BYTES_SECONDS
        while not any(link.is_cut for link in links):
            if asyncio.get_running_loop().time() > deadline:
                raise NotInjectedError("nothing was said on these connections")
            await asyncio.sleep(0.1)


@dataclass(frozen=True)
class Stall(OnLinks):
    """Nothing moves for a while, then everything does."""

    @property
    def name(self) -> str:
        return f"{self.side}-link-stall"

    async def strike(self, stage: Stage, rng: Random) -> None:
        links = self.chosen(stage, rng)
        try:
            for link in links:
                link.become("stall")
            await asyncio.sleep(rng.uniform(*STALL))
        finally:
            for link in links:
                link.become("flow")


@dataclass(frozen=True)
class HalfOpen(OnLinks):
    """The connections are dead and neither side is ever told; new ones work."""

    @property
    def name(self) -> str:
        return f"{self.side}-link-half-open"

    async def strike(self, stage: Stage, rng: Random) -> None:
        for link in self.chosen(stage, rng):
            link.become("swallow")


@dataclass(frozen=True)
class Partition(OnLinks):
    """All connections reset, and none can be made for a while."""

    @property
    def name(self) -> str:
        return f"{self.side}-unreachable"

    async def strike(self, stage: Stage, rng: Random) -> None:
        proxy = self.proxy(stage)
        proxy.become("refuse")
        try:
            for link in proxy.links():
                link.cut()
            await asyncio.sleep(rng.uniform(*AWAY))
        finally:
            proxy.become("flow")


@dataclass(frozen=True)
class Latency(OnLinks):
    """Each piece of data takes its time."""

    @property
    def name(self) -> str:
        return f"{self.side}-link-slow"

    async def strike(self, stage: Stage, rng: Random) -> None:
        proxy = self.proxy(stage)
        proxy.become("flow", delay=rng.uniform(*LATENCY))
        try:
            await asyncio.sleep(LATENCY_SECONDS)
        finally:
            proxy.become("flow")


SIDES: Sequence[Side] = ("broker", "database")
LINK_FAULTS: Sequence[Fault] = tuple(
    kind(side) for kind in (Cut, CutAfterBytes, Stall, HalfOpen, Partition, Latency) for side in SIDES
)
