"""An event whose handling ends the process, every time, must not do so for ever, nor take others with it.

A life that is cut off in the middle of a handler is, to the transport, a process that died there.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from common.bus.subscriptions import collect, subscribe, subscribe_dead_letters
from common.bus.transport import ATTEMPTS, DEAD_LETTERS, Delivery
from common.testing import eventually

from .conftest import Bus, record


class Deadly:
    """Handlers of which one never comes back from `poison`; `dead` holds what was given up."""

    def __init__(self, bus: Bus) -> None:
        name = f"{bus.name}.work"
        self.reached = asyncio.Event()
        self.dead: list[Delivery] = []
        self.batches: list[int] = []
        seen = self

        class Handlers:
            @subscribe(bus.event, consumer=name, batch=16)
            async def on_noted(self, events: Sequence[Any], tx: Any) -> None:
                seen.batches.append(len(events))
                await record(tx, name, *(event.note for event in events))
                if any(event.note == "poison" for event in events):
                    seen.reached.set()
                    await asyncio.Event().wait()

            @subscribe_dead_letters(consumer=DEAD_LETTERS, batch=10)
            async def on_dead(self, deliveries: Sequence[Delivery], tx: Any) -> None:
                seen.dead.extend(d for d in deliveries if d.dead and d.dead.queue == f"{name}.v1")

        self.handlers = Handlers()

    async def ends_a_life(self, bus: Bus) -> bool:
        """Live until the poison strikes (true) or was given up (false)."""
        self.reached.clear()
        runtime = await bus.serve(self.handlers)
        await eventually(self._struck_or_given_up)
        if not self.reached.is_set():
            return False
        await runtime.stop()
        return True

    async def _struck_or_given_up(self) -> bool:
        return self.reached.is_set() or bool(self.dead)


@pytest.fixture
async def deadly(bus: Bus) -> Deadly:
    """The poison waits in the middle of others."""
    deadly = Deadly(bus)
    await bus.transport.declare(collect(deadly.handlers), bus.subscriber)
    await bus.say(*(f"n{i}" for i in range(10)), subject="a")
    await bus.say("poison", subject="b")
    await bus.say(*(f"m{i}" for i in range(120)), subject="c")
    relay = await bus.relay()
    await eventually(lambda: _outbox_empty(bus))
    await relay.stop()
    return deadly


async def test_an_event_that_always_ends_its_process_dies_alone_after_a_few_lives(bus: Bus, deadly: Deadly) -> None:
    lives = 0
    while await deadly.ends_a_life(bus):
        lives += 1
        assert lives <= ATTEMPTS + 1, "the crash loop does not end"
    await eventually(lambda: _arrived(bus, 130))
    assert await bus.effects() == [f"n{i}" for i in range(10)] + [f"m{i}" for i in range(120)]
    assert len(deadly.dead) == 1
    assert deadly.dead[0].dead is not None
    assert "ended while handling it" in deadly.dead[0].dead.error


async def test_after_a_crash_events_come_one_by_one_until_the_dangerous_ones_are_past(bus: Bus, deadly: Deadly) -> None:
    assert await deadly.ends_a_life(bus)
    first_life = len(deadly.batches)
    assert max(deadly.batches) > 1
    assert await deadly.ends_a_life(bus)
    assert set(deadly.batches[first_life:]) == {1}
    while await deadly.ends_a_life(bus):
        pass
    await eventually(lambda: _arrived(bus, 130))
    assert max(deadly.batches[first_life:]) > 1, "a crash must not slow a consumer down for ever"


async def _arrived(bus: Bus, count: int) -> bool:
    return len(await bus.effects()) >= count


async def _outbox_empty(bus: Bus) -> bool:
    async with bus.publisher.begin() as tx:
        return bool(await tx.sql.fetchval("SELECT NOT EXISTS (SELECT 1 FROM outbox WHERE published_at IS NULL)"))
