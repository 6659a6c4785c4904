"""Each fault point acts where it says, tested on a small service in its own process."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import aio_pika
import pytest

from common.events.cloudevent import CloudEvent
from common.ids import new_id
from common.persistence.database import Database
from common.testing import eventually
from tests.chaos.faults import fault_environment
from tests.chaos.inject import import_hook, patches
from tests.chaos.inject.points import (
    AFTER_COMMIT,
    BEFORE_COMMIT,
    CLOCK,
    CONTRACTS,
    DELAY,
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
    Points,
)
from tests.chaos.inject.sample_service import EFFECTS, SampleEvent

ROOT = Path(__file__).parents[2]
RELAY_POINTS = (UNCONFIRMED, UNMARKED)


@dataclass
class Harness:
    """The small service's database, its copy of the bus, and its process."""

    database: Database
    control: Control
    copies: aio_pika.abc.AbstractQueue
    purpose: str
    running: list[asyncio.subprocess.Process] = field(default_factory=list)

    async def live(self, *ids: str) -> asyncio.subprocess.Process:
        command = [sys.executable, "-m", "tests.chaos.inject.sample_service", "serve", "rehearsal", self.purpose, *ids]
        env = fault_environment(self.control.folder) | {"DUKAN_DATABASE_URL": self.database.url}
        process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=env)
        self.running.append(process)
        return process

    async def rows(self, query: str) -> list[Any]:
        async with self.database.begin() as tx:
            return [row[0] for row in await tx.sql.fetch(query)]

    async def effects(self) -> list[str]:
        return await self.rows("SELECT note FROM effect")

    async def unpublished(self) -> list[str]:
        return [str(row) for row in await self.rows("SELECT event_id FROM outbox WHERE published_at IS NULL")]

    async def take_copies(self) -> list[aio_pika.abc.AbstractIncomingMessage]:
        """The messages published since the last call."""
        taken = []
        while (message := await self.copies.get(no_ack=True, fail=False)) is not None:
            taken.append(message)
        return taken

    async def finished(self, *notes: str) -> None:
        async def all_there() -> bool:
            return set(notes) <= set(await self.effects()) and not await self.unpublished()

        await eventually(all_there, within=30)


@pytest.fixture
async def harness(fresh_database: Any, tmp_path: Path) -> AsyncIterator[Harness]:
    database = await fresh_database("common")
    async with database.begin() as tx:
        await tx.sql.execute(EFFECTS)
    connection = await aio_pika.connect(os.environ["AMQP_URL"])
    channel = await connection.channel()
    await channel.declare_exchange(
        "dukan.events", "topic", durable=True, arguments={"alternate-exchange": "dukan.unrouted"}
    )
    copies = await channel.declare_queue(exclusive=True)
    await copies.bind("dukan.events", SampleEvent.type)
    purpose = f"p{new_id().hex}"
    harness = Harness(database, Control(tmp_path, "rehearsal"), copies, purpose)
    yield harness
    for process in harness.running:
        if process.returncode is None:
            process.kill()
            await process.wait()
    await channel.queue_delete(f"rehearsal.{purpose}.v1")
    await connection.close()


def state_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]


async def killed_at(harness: Harness, point: str) -> str:
    """The id of the event that was published when the process was killed at the point."""
    event = str(new_id())
    harness.control.give(Order(point, KILL))
    process = await harness.live(event)
    assert await asyncio.wait_for(process.wait(), 30) == -signal.SIGKILL
    [acted] = harness.control.acted()
    assert (acted["point"], acted["pid"]) == (point, process.pid)
    return event


@pytest.mark.broker
async def test_killed_before_the_commit_nothing_is_published(harness: Harness) -> None:
    await killed_at(harness, BEFORE_COMMIT)
    assert await harness.rows("SELECT event_id FROM outbox") == []
    assert await harness.take_copies() == []


@pytest.mark.broker
async def test_killed_after_the_commit_the_event_is_published_after_the_restart(harness: Harness) -> None:
    event = await killed_at(harness, AFTER_COMMIT)
    assert await harness.unpublished() == [event]
    assert await harness.take_copies() == []
    await harness.live()
    await harness.finished(event)
    assert [copy.message_id for copy in await harness.take_copies()] == [event]


@pytest.mark.broker
@pytest.mark.parametrize("point", RELAY_POINTS)
async def test_killed_between_publish_and_mark_the_event_is_published_twice_with_one_effect(
    harness: Harness, point: str
) -> None:
    event = await killed_at(harness, point)
    [acted] = harness.control.acted()
    assert acted["detail"] == ("1 of 1 unconfirmed" if point == UNCONFIRMED else "1 of 1 confirmed")
    assert await harness.unpublished() == [event]
    assert [copy.message_id for copy in await harness.take_copies()] == [event]
    await harness.live(event, after := str(new_id()))
    await harness.finished(event, after)
    assert Counter(copy.message_id for copy in await harness.take_copies()) == {event: 1, after: 1}
    assert Counter(await harness.effects()) == {event: 1, after: 1}


@pytest.mark.broker
async def test_killed_in_a_handler_the_effect_happens_after_the_restart(harness: Harness) -> None:
    event = await killed_at(harness, IN_HANDLER)
    assert await harness.rows("SELECT event_id FROM inbox") == []
    assert await harness.effects() == []
    await harness.live()
    await harness.finished(event)


@pytest.mark.broker
async def test_killed_between_commit_and_acknowledgement_the_redelivery_has_no_effect(harness: Harness) -> None:
    event = await killed_at(harness, UNACKED)
    assert await harness.rows("SELECT event_id FROM inbox") == [UUID(event)]
    assert await harness.effects() == [event]
    await harness.live(after := str(new_id()))
    await harness.finished(event, after)
    assert Counter(await harness.effects()) == {event: 1, after: 1}


@pytest.mark.broker
async def test_a_suspended_process_continues(harness: Harness) -> None:
    harness.control.give(Order(UNMARKED, STOP))
    process = await harness.live(event := str(new_id()))

    async def stands_still() -> bool:
        return state_of(process.pid) == "T"

    await eventually(stands_still, within=30)
    assert await harness.unpublished() == [event]
    process.send_signal(signal.SIGCONT)
    await harness.finished(event)


@pytest.mark.broker
async def test_an_order_to_raise_fails_the_handler_of_that_event_until_it_is_revoked(harness: Harness) -> None:
    bad, good = str(new_id()), str(new_id())
    harness.control.give(Order(IN_HANDLER, RAISE, event=bad, standing=True))
    await harness.live(bad, good)

    async def failed_and_passed() -> bool:
        return len(harness.control.acted()) > 0 and await harness.effects() == [good]

    await eventually(failed_and_passed, within=30)
    harness.control.take_back()
    await harness.finished(bad, good)


async def test_a_point_acts_once_at_the_ordered_passing(tmp_path: Path) -> None:
    control, points = Control(tmp_path, "orders"), Points(tmp_path, "orders")
    control.give(Order(UNACKED, DELAY, nth=3))
    for _ in range(2):
        await points.reach(UNACKED)
        await points.reach(UNMARKED)
    assert control.acted() == []
    for _ in range(3):
        await points.reach(UNACKED)
    assert len(control.acted()) == 1


@pytest.mark.broker
async def test_clock_and_contracts_change_while_ordered(harness: Harness) -> None:
    harness.control.give(Order(CLOCK, "shift", seconds=7200, standing=True))
    process = await harness.live(shifted := str(new_id()))
    await harness.finished(shifted)
    process.kill()
    [copy] = await harness.take_copies()
    ahead = CloudEvent.from_headers(copy.headers, copy.correlation_id, copy.body).time.timestamp() - time.time()
    assert 7100 < ahead < 7200
    harness.control.give(Order(CONTRACTS, "newer", standing=True))
    process = await harness.live(newer := str(new_id()))
    await harness.finished(newer)
    process.kill()
    assert b"added_by_a_newer_version" in (await harness.take_copies())[-1].body
    harness.control.give(Order(CONTRACTS, "older", standing=True))
    await harness.live(older := str(new_id()))
    await harness.finished(older)
    assert b"remark" not in (await harness.take_copies())[-1].body


@pytest.mark.broker
async def test_a_reordering_relay_publishes_later_events_first_and_loses_none(harness: Harness) -> None:
    harness.control.give(Order(DISORDER, "disorder", seconds=1.0, standing=True))
    said = [str(new_id()) for _ in range(20)]
    await harness.live(*said)
    await harness.finished(*said)
    sent = [copy.message_id for copy in await harness.take_copies()]
    assert sorted(map(str, sent)) == sorted(said)
    assert sent != said


def test_every_patched_name_exists(tmp_path: Path) -> None:
    """In its own process: the modules must not have been imported before."""
    names = sorted(patches.bound_to(Points(tmp_path, "orders")))
    assert import_hook.Patching({}).find_spec("common.clock", None) is None
    code = f"import importlib; [importlib.import_module(name) for name in {names}]"
    ran = subprocess.run(
        [sys.executable, "-c", code, "serve", "orders"],
        env=fault_environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
