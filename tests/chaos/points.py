"""Faults inside the services' processes: at the named points, by their clocks, by a second process, by versions."""

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
from tests.chaos.faults import Fault, NotInjectedError, Stage
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
# Past the database's patience with an idle transaction (30 s): the relay wakes up without its claim.
RELAY_STOP = 33.0
JUMP = 2 * 3600.0
JUMP_SECONDS = (3.0, 6.0)
DISORDER_SECONDS = (4.0, 8.0)
LATE = 1.5
OVERLAP_SECONDS = (4.0, 8.0)
READY_SECONDS = 60.0
END_SECONDS = 15.0


async def acted(control: Control, within: float = ACTED_SECONDS) -> dict[str, Any]:
    """What was done by the order in force. Raises NotInjectedError, and takes the order back, when nobody passed."""

    async def something() -> list[dict[str, Any]]:
        return control.acted()

    try:
        return (await eventually(something, within))[0]
    except AssertionError:
        control.take_back()
        raise NotInjectedError(f"{control.service} never came by within {within:.0f} s") from None


@contextmanager
def in_force(stage: Stage, service: str, order: Order) -> Iterator[Control]:
    """A standing order for the length of the block."""
    control = Control(stage.inject, service)
    control.give(order)
    try:
        yield control
    finally:
        control.take_back()


@dataclass(frozen=True)
class AtPoint:
    """Once, at one of the next passings of a point, in a service chosen among those that pass there."""

    name: str
    point: str
    services: Sequence[str]
    action: str = KILL

    async def strike(self, stage: Stage, rng: Random) -> None:
        control = Control(stage.inject, rng.choice(self.services))
        control.give(Order(self.point, self.action, nth=rng.randint(1, LATEST_PASSING)))
        await acted(control)


@dataclass(frozen=True)
class StoppedRelay:
    """A relay stands still between confirm and mark until it has lost its claim, then goes on as if nothing was."""

    name: str = "relay-stopped-before-mark"

    async def strike(self, stage: Stage, rng: Random) -> None:
        control = Control(stage.inject, rng.choice(PUBLISHERS))
        control.give(Order(UNMARKED, STOP))
        stopped = await acted(control)
        try:
            await asyncio.sleep(RELAY_STOP)
        finally:
            os.kill(stopped["pid"], signal.SIGCONT)


@dataclass(frozen=True)
class ClockJump:
    """The clock of a process is two hours off for some seconds.

    Legitimate: deadlines and reservations that pass end checkouts, tokens are refused. Never: a lost or wrong order.
    """

    name: str
    seconds: float

    async def strike(self, stage: Stage, rng: Random) -> None:
        service = rng.choice([*SERVICES, GATEWAY])
        with in_force(stage, service, Order(CLOCK, "shift", seconds=self.seconds, standing=True)) as control:
            await acted(control)
            await asyncio.sleep(rng.uniform(*JUMP_SECONDS))


@dataclass(frozen=True)
class Disorder:
    """A relay sends its batches backwards and every third event late, as when single publishes fail."""

    name: str = "events-reordered"

    async def strike(self, stage: Stage, rng: Random) -> None:
        service = rng.choice(("orders", "catalog", "billing"))
        with in_force(stage, service, Order(DISORDER, "disorder", seconds=LATE, standing=True)) as control:
            await acted(control)
            await asyncio.sleep(rng.uniform(*DISORDER_SECONDS))


@dataclass(frozen=True)
class TwoRelays:
    """A second process of a service works beside the first; with `failover` the first is then killed."""

    name: str
    failover: bool

    async def strike(self, stage: Stage, rng: Random) -> None:
        service = rng.choice(CONSUMERS)
        first, port = stage.pid_of(service), free_port()
        second = _beside(first, port, stage.shop.data / "second.log")
        try:
            await _until_ready(stage, port)
            await asyncio.sleep(rng.uniform(*OVERLAP_SECONDS))
            if self.failover:
                os.kill(first, signal.SIGKILL)
                await replaced(stage, service, first)
        finally:
            await asyncio.to_thread(end, second, END_SECONDS)


def _beside(pid: int, port: int, log: Path) -> subprocess.Popen[bytes]:
    """The command of a running process again, on another port."""
    words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")[:-1]
    pairs = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
    env = dict(pair.split("=", 1) for pair in pairs if pair) | {"DUKAN_PORT": str(port)}
    with log.open("ab") as output:
        return spawn(words, output, env, on_death=signal.SIGKILL)


async def _until_ready(stage: Stage, port: int) -> None:
    async def answers() -> bool:
        try:
            response = await stage.shop.http.get(f"http://127.0.0.1:{port}/health/ready", timeout=5)
        except httpx.TransportError:
            return False
        return response.status_code == 200

    try:
        await eventually(answers, READY_SECONDS)
    except AssertionError:
        raise NotInjectedError("the second process was never ready") from None


@dataclass(frozen=True)
class MixedVersions:
    """A rolling restart to a version whose events have a field more, or lack the optional ones, and back again."""

    version: str

    @property
    def name(self) -> str:
        return f"contracts-{self.version}"

    async def strike(self, stage: Stage, rng: Random) -> None:
        services = rng.sample(("orders", "catalog", "billing"), 2)
        controls = [Control(stage.inject, service) for service in services]
        try:
            for control in controls:
                control.give(Order(CONTRACTS, self.version, standing=True))
                await _restart(stage, control.service)
                await acted(control)
        finally:
            for control in controls:
                control.take_back()
        await _restart(stage, services[0])


async def _restart(stage: Stage, service: str) -> None:
    before = stage.pid_of(service)
    os.kill(before, signal.SIGTERM)
    await replaced(stage, service, before)


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
