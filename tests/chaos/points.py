"""Faults inside the services' processes: at the named points, of their clocks, by a second process, by versions."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import httpx

from common.testing import eventually
from dukan.children import end, spawn
from dukan.ports import free_port
from dukan.services import GATEWAY, SERVICES
from tests.chaos.faults import Environment, Fault, NotInjectedError
from tests.chaos.inject.points import (
    AFTER_COMMIT,
    BEFORE_COMMIT,
    CLOCK,
    CONTRACTS,
    DISORDER,
    IN_HANDLER,
    KILL,
    RAISE,
    STOP,
    UNACKED,
    UNCONFIRMED,
    UNMARKED,
    Control,
    Order,
)
from tests.chaos.process_faults import replaced

PUBLISHERS = ("orders", "catalog", "billing", "notifications")
CONSUMERS = (*PUBLISHERS, "operations")
ACTED_SECONDS = 30.0
LATEST_PASSING = 5
# Longer than the database's idle-in-transaction time-out (30 s): the relay resumes without its claim.
RELAY_STOP = 33.0
JUMP = 2 * 3600.0
JUMP_SECONDS = (3.0, 6.0)
DISORDER_SECONDS = (4.0, 8.0)
LATE = 1.5
OVERLAP_SECONDS = (4.0, 8.0)
READY_SECONDS = 60.0
END_SECONDS = 15.0


async def acted(control: Control, within: float = ACTED_SECONDS) -> dict[str, Any]:
    """The actions of the current order. Revokes it and raises NotInjectedError if no process passed."""

    async def something() -> list[dict[str, Any]]:
        return control.acted()

    try:
        return (await eventually(something, within))[0]
    except AssertionError:
        control.take_back()
        raise NotInjectedError(f"{control.service} never came by within {within:.0f} s") from None


@contextmanager
def in_force(environment: Environment, service: str, order: Order) -> Iterator[Control]:
    """A standing order for the duration of the block."""
    control = Control(environment.inject, service)
    control.give(order)
    try:
        yield control
    finally:
        control.take_back()


@dataclass(frozen=True)
class AtPoint:
    """Once, at one of the next passings of a point, in a random service among those that pass it."""

    name: str
    point: str
    services: Sequence[str]
    action: str = KILL

    async def inject(self, environment: Environment, rng: Random) -> None:
        control = Control(environment.inject, rng.choice(self.services))
        control.give(Order(self.point, self.action, nth=rng.randint(1, LATEST_PASSING)))
        await acted(control)


@dataclass(frozen=True)
class StoppedRelay:
    """A relay is suspended between confirm and mark until it has lost its claim, then resumes."""

    name: str = "relay-stopped-before-mark"

    async def inject(self, environment: Environment, rng: Random) -> None:
        control = Control(environment.inject, rng.choice(PUBLISHERS))
        control.give(Order(UNMARKED, STOP))
        stopped = await acted(control)
        try:
            await asyncio.sleep(RELAY_STOP)
        finally:
            os.kill(stopped["pid"], signal.SIGCONT)


@dataclass(frozen=True)
class ClockJump:
    """The clock of a process is off by two hours for some seconds.

    Allowed: deadlines and reservations expire and end checkouts, tokens are rejected. Never: a lost or wrong order.
    """

    name: str
    seconds: float

    async def inject(self, environment: Environment, rng: Random) -> None:
        service = rng.choice([*SERVICES, GATEWAY])
        with in_force(environment, service, Order(CLOCK, "shift", seconds=self.seconds, standing=True)) as control:
            await acted(control)
            await asyncio.sleep(rng.uniform(*JUMP_SECONDS))


@dataclass(frozen=True)
class Disorder:
    """A relay sends its batches in reverse order and every third event late, as if single publishes failed."""

    name: str = "events-reordered"

    async def inject(self, environment: Environment, rng: Random) -> None:
        service = rng.choice(("orders", "catalog", "billing"))
        with in_force(environment, service, Order(DISORDER, "disorder", seconds=LATE, standing=True)) as control:
            await acted(control)
            await asyncio.sleep(rng.uniform(*DISORDER_SECONDS))


@dataclass(frozen=True)
class TwoRelays:
    """A second process of a service runs beside the first; with `failover` the first is then killed."""

    name: str
    failover: bool

    async def inject(self, environment: Environment, rng: Random) -> None:
        service = rng.choice(CONSUMERS)
        first, port = environment.pid_of(service), free_port()
        second = _beside(first, port, environment.platform.data / "second.log")
        try:
            await _until_ready(environment, port)
            await asyncio.sleep(rng.uniform(*OVERLAP_SECONDS))
            if self.failover:
                os.kill(first, signal.SIGKILL)
                await replaced(environment, service, first)
        finally:
            await asyncio.to_thread(end, second, END_SECONDS)


def _beside(pid: int, port: int, log: Path) -> subprocess.Popen[bytes]:
    """The command line of a running process, with another port."""
    words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")[:-1]
    pairs = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
    env = dict(pair.split("=", 1) for pair in pairs if pair) | {"DUKAN_PORT": str(port)}
    with log.open("ab") as output:
        return spawn(words, output, env, on_death=signal.SIGKILL)


async def _until_ready(environment: Environment, port: int) -> None:
    async def answers() -> bool:
        try:
            response = await environment.platform.http.get(f"http://127.0.0.1:{port}/health/ready", timeout=5)
        except httpx.TransportError:
            return False
        return response.status_code == 200

    try:
        await eventually(answers, READY_SECONDS)
    except AssertionError:
        raise NotInjectedError("the second process was never ready") from None


@dataclass(frozen=True)
class MixedVersions:
    """A rolling restart to a version whose events have one more field, or lack the optional ones, and back again."""

    version: str

    @property
    def name(self) -> str:
        return f"contracts-{self.version}"

    async def inject(self, environment: Environment, rng: Random) -> None:
        services = rng.sample(("orders", "catalog", "billing"), 2)
        controls = [Control(environment.inject, service) for service in services]
        try:
            for control in controls:
                control.give(Order(CONTRACTS, self.version, standing=True))
                await _restart(environment, control.service)
                await acted(control)
        finally:
            for control in controls:
                control.take_back()
        await _restart(environment, services[0])


async def _restart(environment: Environment, service: str) -> None:
    before = environment.pid_of(service)
    os.kill(before, signal.SIGTERM)
    await replaced(environment, service, before)


POINT_FAULTS: Sequence[Fault] = (
    AtPoint("kill-before-commit", BEFORE_COMMIT, PUBLISHERS),
    AtPoint("kill-after-commit", AFTER_COMMIT, PUBLISHERS),
    AtPoint("kill-before-confirm", UNCONFIRMED, PUBLISHERS),
    AtPoint("kill-before-mark", UNMARKED, PUBLISHERS),
    AtPoint("kill-in-handler", IN_HANDLER, CONSUMERS),
    AtPoint("kill-before-ack", UNACKED, CONSUMERS),
    AtPoint("handler-fails", IN_HANDLER, CONSUMERS, RAISE),
    AtPoint("commit-fails", BEFORE_COMMIT, PUBLISHERS, RAISE),
    StoppedRelay(),
    TwoRelays("two-relays", failover=False),
    TwoRelays("failover-to-second", failover=True),
    Disorder(),
    ClockJump("clock-ahead", JUMP),
    ClockJump("clock-behind", -JUMP),
    MixedVersions("newer"),
    MixedVersions("older"),
)
