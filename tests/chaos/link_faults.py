"""Faults of the network between services and broker, and between services and database."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

from tests.chaos.faults import Environment, Fault, NotInjectedError
from tests.chaos.proxy import ProxiedConnection, Proxy

Side = Literal["broker", "database"]

BUSY = ("orders", "catalog", "billing", "notifications", "operations")
# Some exceed the time-out of confirms and of connecting (10 s), none lasts for a missed heartbeat.
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

    def proxy(self, environment: Environment) -> Proxy:
        return environment.amqp_link if self.side == "broker" else environment.postgres_link

    def chosen(self, environment: Environment, rng: Random) -> list[ProxiedConnection]:
        service = rng.choice(BUSY)
        owner = service if self.side == "broker" else f"dukan_{service}"
        proxy = self.proxy(environment)
        links = proxy.links() if rng.random() < 0.25 else proxy.links(owner)
        if not links:
            raise NotInjectedError(f"{service} has no connection to the {self.side}")
        return links


@dataclass(frozen=True)
class Cut(OnLinks):
    """An immediate reset."""

    @property
    def name(self) -> str:
        return f"{self.side}-link-cut"

    async def inject(self, environment: Environment, rng: Random) -> None:
        for link in self.chosen(environment, rng):
            link.cut()


@dataclass(frozen=True)
class CutAfterBytes(OnLinks):
    """A reset in the middle of a transmission."""

    @property
    def name(self) -> str:
        return f"{self.side}-link-cut-after-bytes"

    async def inject(self, environment: Environment, rng: Random) -> None:
        links = self.chosen(environment, rng)
        for link in links:
            link.cut_after = rng.randint(*BYTES)
        deadline = asyncio.get_running_loop().time() + BYTES_SECONDS
        while not any(link.is_cut for link in links):
            if asyncio.get_running_loop().time() > deadline:
                raise NotInjectedError("nothing was said on these connections")
            await asyncio.sleep(0.1)


@dataclass(frozen=True)
class Stall(OnLinks):
    """No data is forwarded for a while, then all of it."""

    @property
    def name(self) -> str:
        return f"{self.side}-link-stall"

    async def inject(self, environment: Environment, rng: Random) -> None:
        links = self.chosen(environment, rng)
        try:
            for link in links:
                link.become("stall")
            await asyncio.sleep(rng.uniform(*STALL))
        finally:
            for link in links:
                link.become("flow")


@dataclass(frozen=True)
class HalfOpen(OnLinks):
    """Half-open: the connections are dead and neither side is notified; new connections work."""

    @property
    def name(self) -> str:
        return f"{self.side}-link-half-open"

    async def inject(self, environment: Environment, rng: Random) -> None:
        for link in self.chosen(environment, rng):
            link.become("swallow")


@dataclass(frozen=True)
class Partition(OnLinks):
    """All connections are reset, and new ones are rejected for a while."""

    @property
    def name(self) -> str:
        return f"{self.side}-unreachable"

    async def inject(self, environment: Environment, rng: Random) -> None:
        proxy = self.proxy(environment)
        proxy.become("refuse")
        try:
            for link in proxy.links():
                link.cut()
            await asyncio.sleep(rng.uniform(*AWAY))
        finally:
            proxy.become("flow")


@dataclass(frozen=True)
class Latency(OnLinks):
    """Every piece of data is delayed."""

    @property
    def name(self) -> str:
        return f"{self.side}-link-slow"

    async def inject(self, environment: Environment, rng: Random) -> None:
        proxy = self.proxy(environment)
        proxy.become("flow", delay=rng.uniform(*LATENCY))
        try:
            await asyncio.sleep(LATENCY_SECONDS)
        finally:
            proxy.become("flow")


SIDES: Sequence[Side] = ("broker", "database")
LINK_FAULTS: Sequence[Fault] = tuple(
    kind(side) for kind in (Cut, CutAfterBytes, Stall, HalfOpen, Partition, Latency) for side in SIDES
)
