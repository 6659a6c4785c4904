"""An event that always crashes its consumer becomes a dead letter after a few crashes, and no other event does.

To the transport, a consumer that is cancelled inside a handler is a process that crashed there.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from common.bus.delivery import DEAD_LETTERS, MAX_ATTEMPTS, Delivery
from common.bus.subscriptions import collect, subscribe, subscribe_dead_letters
from common.testing import eventually

from .conftest import Bus, record


class Crashing:
    """A handler that never returns from `poison`, and the consumer of its dead letters."""

    def __init__(self, bus: Bus) -> None:
        name = f"{bus.name}.work"
        self.reached = asyncio.Event()
        self.dead: list[Delivery] = []
        self.batches: list[int] = []
        this = self

        class Handlers:
            @subscribe(bus.event, consumer=name, batch=16)
            async def on_noted(self, events: Sequence[Any], tx: Any) -> None:
                this.batches.append(len(events))
                await record(tx, name, *(event.note for event in events))
                if any(event.note == "poison" for event in events):
                    this.reached.set()
                    await asyncio.Event().wait()

            @subscribe_dead_letters(consumer=DEAD_LETTERS, batch=10)
            async def on_dead(self, deliveries: Sequence[Delivery], tx: Any) -> None:
                this.dead.extend(d for d in deliveries if d.dead and d.dead.queue == f"{name}.v1")

        self.handlers = Handlers()

    async def crash(self, bus: Bus) -> bool:
        """Run until the poison is reached (true) or has become a dead letter (false)."""
        self.reached.clear()
        runtime = await bus.serve(self.handlers)
        await eventually(self._reached_or_dead)
        if not self.reached.is_set():
            return False
        await runtime.stop()
        return True

    async def _reached_or_dead(self) -> bool:
        return self.reached.is_set() or bool(self.dead)


@pytest.fixture
async def crashing(bus: Bus) -> Crashing:
    """The poison is published in the middle of other events."""
    crashing = Crashing(bus)
    await bus.transport.declare(collect(crashing.handlers))
    await bus.publish(*(f"n{i}" for i in range(10)), subject="a")
    await bus.publish("poison", subject="b")
    await bus.publish(*(f"m{i}" for i in range(120)), subject="c")
    relay = await bus.relay()
    await eventually(lambda: _outbox_empty(bus))
    await relay.stop()
    return crashing


async def test_an_event_that_always_crashes_its_consumer_becomes_the_only_dead_letter(
    bus: Bus, crashing: Crashing
) -> None:
    crashes = 0
    while await crashing.crash(bus):
        crashes += 1
        assert crashes <= MAX_ATTEMPTS + 1, "the crash loop does not end"
    await eventually(lambda: _arrived(bus, 130))
    assert await bus.effects() == [f"n{i}" for i in range(10)] + [f"m{i}" for i in range(120)]
    assert len(crashing.dead) == 1
    assert crashing.dead[0].dead is not None
    assert "ended while handling it" in crashing.dead[0].dead.error
    assert crashing.dead[0].dead.attempts == MAX_ATTEMPTS


async def test_after_a_crash_events_come_one_by_one_until_a_new_one_arrives(bus: Bus, crashing: Crashing) -> None:
    assert await crashing.crash(bus)
    before = len(crashing.batches)
    assert max(crashing.batches) > 1
    assert await crashing.crash(bus)
    assert set(crashing.batches[before:]) == {1}
    while await crashing.crash(bus):
        pass
    await eventually(lambda: _arrived(bus, 130))
    assert max(crashing.batches[before:]) > 1, "a crash must not slow a consumer down for ever"


async def _arrived(bus: Bus, count: int) -> bool:
    return len(await bus.effects()) >= count


async def _outbox_empty(bus: Bus) -> bool:
    async with bus.publisher.begin() as tx:
        return bool(await tx.sql.fetchval("SELECT NOT EXISTS (SELECT 1 FROM outbox WHERE published_at IS NULL)"))
