"""A consumer that fails on everything stops before its whole queue has become dead letters."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from prometheus_client import REGISTRY

from common.bus import dead_letter_limit
from common.bus.dead_letter_limit import DeadLetterLimit
from common.bus.delivery import DEAD_LETTERS, Dead, Delivery, Done, Retry
from common.bus.subscriptions import subscribe, subscribe_dead_letters
from common.errors import Permanent
from common.testing import eventually

from .conftest import Bus, record

LIMIT = 3
HOURS = 3600.0


@pytest.fixture(autouse=True)
def low_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dead_letter_limit, "MAX_DEAD_LETTERS", LIMIT)
    monkeypatch.setattr(dead_letter_limit, "PROBE_SECONDS", HOURS)


def gauge(consumer: str) -> float | None:
    return REGISTRY.get_sample_value("dukan_consumer_stopped", {"consumer": consumer})


class Broken:
    """A handler that fails on every event until it is repaired, and the consumer of its dead letters."""

    def __init__(self, bus: Bus) -> None:
        self.name = f"{bus.name}.work"
        self.repaired = False
        self.dead: list[Delivery] = []
        this = self

        class Handlers:
            @subscribe(bus.event, consumer=this.name, batch=8)
            async def on_noted(self, events: Sequence[Any], tx: Any) -> None:
                if not this.repaired:
                    raise Permanent("broken by a deploy")
                await record(tx, this.name, *(event.note for event in events))

            @subscribe_dead_letters(consumer=DEAD_LETTERS, batch=10)
            async def on_dead(self, deliveries: Sequence[Delivery], tx: Any) -> None:
                this.dead.extend(d for d in deliveries if d.dead and d.dead.queue == f"{this.name}.v1")

        self.handlers = Handlers()

    async def has_dead(self, count: int) -> bool:
        return len(self.dead) >= count


@pytest.fixture
def broken(bus: Bus) -> Broken:
    return Broken(bus)


async def publish(bus: Bus, count: int) -> list[str]:
    notes = [f"n{i}" for i in range(count)]
    for note in notes:
        await bus.publish(note, subject=note)
    await bus.relay()
    return notes


async def test_a_consumer_that_fails_on_everything_stops_and_its_queue_keeps_the_rest(bus: Bus, broken: Broken) -> None:
    runtime = await bus.serve(broken.handlers)
    notes = await publish(bus, 20)
    await eventually(lambda: broken.has_dead(LIMIT))
    await eventually(lambda: _is(runtime.stopped, [broken.name]))
    assert gauge(broken.name) == 1
    await asyncio.sleep(0.5)
    assert [delivery.cloud_event.subject for delivery in broken.dead] == notes[:LIMIT]

    broken.repaired = True
    await runtime.stop()
    restarted = await bus.serve(broken.handlers)
    await eventually(lambda: _arrived(bus, 20 - LIMIT))
    assert sorted(await bus.effects()) == sorted(notes[LIMIT:])
    assert (restarted.stopped, gauge(broken.name)) == ([], 0)


async def test_a_stopped_consumer_tries_one_event_after_each_pause_and_continues_after_a_success(
    bus: Bus, broken: Broken, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_letter_limit, "PROBE_SECONDS", 0.3)
    runtime = await bus.serve(broken.handlers)
    notes = await publish(bus, 20)
    await eventually(lambda: broken.has_dead(LIMIT + 2))
    assert runtime.stopped == [broken.name]
    broken.repaired = True
    await eventually(lambda: _arrived(bus, 20 - LIMIT - 4))
    await eventually(lambda: _is(runtime.stopped, []))
    assert gauge(broken.name) == 0
    died = [delivery.cloud_event.subject for delivery in broken.dead]
    await eventually(lambda: _arrived(bus, 20 - len(died)))
    assert len(died) <= LIMIT + 4
    assert sorted(await bus.effects() + died) == sorted(notes)


async def test_more_failures_than_successes_reach_the_limit_and_fewer_never_do() -> None:
    mostly_failing, mostly_fine = DeadLetterLimit("test.failing"), DeadLetterLimit("test.fine")
    for _ in range(100):
        mostly_failing.admit([Dead("no"), Dead("no"), Done()])
        mostly_fine.admit([Dead("no"), Done(), Done()])
    assert mostly_failing.reached
    assert not mostly_fine.reached


async def test_retries_neither_reach_the_limit_nor_reset_it() -> None:
    limit = DeadLetterLimit("test.retrying")
    assert limit.admit([Retry(1.0, "no")] * 100) == 100
    assert not limit.reached
    assert limit.admit([Dead("no"), Retry(1.0, "no"), Dead("no"), Dead("no"), Dead("no")]) == 4
    assert limit.reached
    assert limit.admit([Retry(1.0, "no")]) == 1
    assert limit.reached


async def test_after_one_success_the_next_failure_stops_the_consumer_again() -> None:
    limit = DeadLetterLimit("test.flapping")
    limit.admit([Dead("no")] * LIMIT)
    limit.admit([Done()])
    assert not limit.reached
    limit.admit([Dead("no")])
    assert limit.reached


async def _is(value: object, expected: object) -> bool:
    return value == expected


async def _arrived(bus: Bus, count: int) -> bool:
    return len(await bus.effects()) >= count
