"""What any transport must do. Every test here runs on the durable in-process transport and on RabbitMQ."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from common.bus.relay import Relay
from common.bus.runtime import Runtime
from common.bus.subscriptions import subscribe, subscribe_dead_letters
from common.bus.transport import DEAD_LETTERS, Delivery, OutboundEvent
from common.contracts.event import Event, registry
from common.errors import Permanent
from common.testing import eventually

from .conftest import Bus, new_event, record


def consumer_of(bus: Bus, purpose: str, *, batch: int = 1) -> Any:
    """A well-behaved consumer that records what it hears."""
    name = f"{bus.name}.{purpose}"

    class Handlers:
        @subscribe(bus.event, consumer=name, batch=batch)
        async def on_noted(self, received: Any, tx: Any) -> None:
            events = received if batch > 1 else [received]
            await record(tx, name, *(event.note for event in events))

    return Handlers()


async def test_events_of_one_subject_arrive_in_order_once_each(bus: Bus) -> None:
    await bus.serve(consumer_of(bus, "work"))
    await bus.relay()
    notes = [f"n{i}" for i in range(100)]
    await bus.say(*notes)
    await eventually(lambda: _arrived(bus, 100))
    assert await bus.effects() == notes


async def test_a_batch_handler_sees_every_event_once_and_in_order(bus: Bus) -> None:
    await bus.serve(consumer_of(bus, "work", batch=16))
    notes = [f"n{i}" for i in range(200)]
    await bus.say(*notes)
    await bus.relay()
    await eventually(lambda: _arrived(bus, 200))
    assert await bus.effects() == notes


async def test_every_consumer_of_an_event_gets_its_own_copy(bus: Bus) -> None:
    await bus.serve(consumer_of(bus, "one"), consumer_of(bus, "two"))
    await bus.relay()
    await bus.say("hello")
    await eventually(lambda: _arrived(bus, 2))
    assert await bus.effects(f"{bus.name}.one") == ["hello"]
    assert await bus.effects(f"{bus.name}.two") == ["hello"]


async def test_nothing_leaves_from_a_transaction_that_rolled_back(bus: Bus) -> None:
    await bus.serve(consumer_of(bus, "work"))
    await bus.relay()

    async def change_my_mind() -> None:
        async with bus.publisher.begin() as tx:
            tx.publish(bus.event(subject_id="a", note="never"))
            raise RuntimeError("changed my mind")

    with pytest.raises(RuntimeError, match="changed my mind"):
        await change_my_mind()
    await bus.say("after")
    await eventually(lambda: _arrived(bus, 1))
    assert await bus.effects() == ["after"]


async def test_an_event_published_twice_has_its_effect_once(bus: Bus) -> None:
    """The relay crashed between the publish and the mark: the row goes out again."""
    await bus.serve(consumer_of(bus, "work"))
    await bus.say("paid")
    relay = Relay("publisher", bus.publisher, bus.transport)
    assert await relay.drain_once() == 1
    await eventually(lambda: _arrived(bus, 1))
    async with bus.publisher.begin() as tx:
        await tx.sql.execute("UPDATE outbox SET published_at = NULL")
    assert await relay.drain_once() == 1
    await bus.say("next")
    assert await relay.drain_once() == 1
    await eventually(lambda: _arrived(bus, 2))
    assert await bus.effects() == ["paid", "next"]


async def test_a_crash_between_publish_and_mark_loses_nothing(bus: Bus) -> None:
    await bus.serve(consumer_of(bus, "work"))
    await bus.say("paid")

    class Crashing:
        """Publishes, then dies before the relay can mark."""

        async def publish(self, batch: Sequence[OutboundEvent]) -> list[Exception | None]:
            await bus.transport.publish(batch)
            raise ConnectionError("died here")

    with pytest.raises(ConnectionError):
        await Relay("publisher", bus.publisher, Crashing()).drain_once()  # type: ignore[arg-type]
    assert await Relay("publisher", bus.publisher, bus.transport).drain_once() == 1
    await bus.say("next")
    await bus.relay()
    await eventually(lambda: _arrived(bus, 2))
    assert await bus.effects() == ["paid", "next"]


async def test_a_handler_that_fails_twice_succeeds_on_the_third_attempt(bus: Bus) -> None:
    name = f"{bus.name}.work"
    attempts = 0

    class Handlers:
        @subscribe(bus.event, consumer=name)
        async def on_noted(self, event: Any, tx: Any) -> None:
            nonlocal attempts
            attempts += 1
            await record(tx, name, f"attempt {attempts}")
            if attempts < 3:
                raise RuntimeError("not yet")

    await bus.serve(Handlers())
    await bus.relay()
    await bus.say("stubborn")
    await eventually(lambda: _arrived(bus, 1), within=20)
    assert await bus.effects() == ["attempt 3"]
    assert attempts == 3


async def test_one_poisoned_event_of_a_batch_harms_itself_only(bus: Bus) -> None:
    name = f"{bus.name}.work"

    class Handlers:
        @subscribe(bus.event, consumer=name, batch=64)
        async def on_noted(self, events: Sequence[Any], tx: Any) -> None:
            await record(tx, name, *(event.note for event in events))
            if any(event.note == "poison" for event in events):
                raise Permanent("cannot be handled")

    await bus.say(*(f"n{i}" for i in range(20)), subject="a")
    await bus.say("poison", subject="b")
    await bus.say(*(f"m{i}" for i in range(20)), subject="c")
    await bus.serve(Handlers())
    await bus.relay()
    await eventually(lambda: _arrived(bus, 40))
    assert await bus.effects() == [f"n{i}" for i in range(20)] + [f"m{i}" for i in range(20)]


async def test_what_cannot_be_handled_becomes_a_dead_letter_that_can_be_replayed(bus: Bus) -> None:
    name = f"{bus.name}.work"
    mended = False
    dead: list[Delivery] = []
    sequences: list[int] = []

    class Handlers:
        @subscribe(bus.event, consumer=name)
        async def on_noted(self, event: Any, tx: Any) -> None:
            sequences.append(tx.cloud_event_of(event).sequence)
            if not mended:
                raise Permanent("a bug")
            await record(tx, name, event.note)

        @subscribe_dead_letters(consumer=DEAD_LETTERS, batch=10)
        async def on_dead(self, deliveries: Sequence[Delivery], tx: Any) -> None:
            dead.extend(d for d in deliveries if d.dead and d.dead.queue == f"{name}.v1")

    await bus.serve(Handlers())
    await bus.relay()
    await bus.say("unlucky")
    await eventually(lambda: _holds(dead))
    letter = dead[0].dead
    assert letter is not None
    assert "a bug" in letter.error
    mended = True
    replaying = Runtime("operations", bus.subscriber, bus.transport, [])
    await replaying.start(workers=False)
    bus.running.append(replaying)
    async with bus.subscriber.begin() as tx:
        await tx.sql.execute("ALTER TABLE outbox ALTER COLUMN id RESTART WITH 1000")
        tx.redeliver(dead[0].cloud_event, letter.queue)
    await eventually(lambda: _arrived(bus, 1))
    assert await bus.effects() == ["unlucky"]
    assert len(set(sequences)) == 1, "a replayed event must not look newer than it is"


async def test_an_event_that_does_not_fit_its_contract_is_a_dead_letter(bus: Bus) -> None:
    name = f"{bus.name}.work"
    dead: list[Delivery] = []

    class Handlers:
        @subscribe(bus.event, consumer=name)
        async def on_noted(self, event: Any, tx: Any) -> None:
            await record(tx, name, event.note)

        @subscribe_dead_letters(consumer=DEAD_LETTERS, batch=10)
        async def on_dead(self, deliveries: Sequence[Delivery], tx: Any) -> None:
            dead.extend(d for d in deliveries if d.dead and d.dead.queue == f"{name}.v1")

    await bus.serve(Handlers())
    await bus.relay()
    async with bus.publisher.begin() as tx:
        tx.publish(bus.event.model_construct(subject_id="a", note={"not": "text"}))
    await bus.say("fine", subject="b")
    await eventually(lambda: _holds(dead))
    await eventually(lambda: _arrived(bus, 1))
    assert await bus.effects() == ["fine"]
    assert dead[0].dead is not None
    assert "note" in dead[0].dead.error


async def test_an_event_that_nobody_wants_does_not_hold_up_the_others(bus: Bus) -> None:
    await bus.relay()
    await bus.say("nobody listens")
    await eventually(lambda: _outbox_empty(bus))


async def test_a_wildcard_hears_every_type_that_it_binds(bus: Bus) -> None:
    heard: list[str] = []
    pattern = bus.event.type.replace(".noted.v1", ".#")

    class Handlers:
        @subscribe(pattern, consumer=f"{bus.name}.journal", batch=10)
        async def on_any(self, cloud_events: Sequence[Any], tx: Any) -> None:
            heard.extend(cloud_event.type for cloud_event in cloud_events)

    await bus.serve(Handlers())
    await bus.relay()
    await bus.say("one", "two")
    await eventually(lambda: _holds(heard, 2))
    assert heard == [bus.event.type, bus.event.type]


async def test_a_listener_hears_while_it_lives(bus: Bus) -> None:
    heard: list[str] = []
    await bus.transport.listen([bus.event.type], lambda cloud_event: heard.append(cloud_event.subject))
    await bus.relay()
    await bus.say("now", subject="s1")
    await eventually(lambda: _holds(heard))
    assert heard == ["s1"]


async def test_listeners_of_different_types_hear_everything_of_theirs_and_nothing_else(bus: Bus) -> None:
    other = new_event()
    registry.pop(other.type)
    heard: dict[str, list[str]] = {"mine": [], "others": []}
    await bus.transport.listen([bus.event.type], lambda cloud_event: heard["mine"].append(cloud_event.type))
    await bus.transport.listen([other.type], lambda cloud_event: heard["others"].append(cloud_event.type))
    await bus.relay()
    async with bus.publisher.begin() as tx:
        # More than any prefetch: a listener that does not acknowledge would fall silent.
        for number in range(300):
            tx.publish(bus.event(subject_id="a", note=str(number)))
        tx.publish(other(subject_id="a", note="x"))
    await eventually(lambda: _holds(heard["mine"] + heard["others"], 301))
    assert heard == {"mine": [bus.event.type] * 300, "others": [other.type]}


async def test_cause_and_correlation_travel_from_event_to_event(bus: Bus) -> None:
    name = f"{bus.name}.work"
    cloud_events: list[Any] = []

    class Handlers:
        @subscribe(bus.event, consumer=name, batch=8)
        async def on_noted(self, events: Sequence[Event], tx: Any) -> None:
            for event in events:
                cloud_events.append(tx.cloud_event_of(event))
                if event.subject == "first":
                    tx.publish(bus.event(subject_id="second", note="because"), cause=event)

    await bus.serve(Handlers())
    await bus.relay()
    await bus.say("begin", subject="first")
    await eventually(lambda: _holds(cloud_events, 2))
    first, second = cloud_events
    assert second.causation_id == str(first.id)
    assert second.correlation_id == first.correlation_id
    assert second.sequence > 0


async def test_a_stopped_consumer_finds_what_came_meanwhile(bus: Bus) -> None:
    handlers = consumer_of(bus, "work")
    runtime = await bus.serve(handlers)
    await bus.relay()
    await bus.say("before")
    await eventually(lambda: _arrived(bus, 1))
    await runtime.stop()
    await bus.say("meanwhile")
    await eventually(lambda: _outbox_empty(bus))
    await bus.serve(handlers)
    await eventually(lambda: _arrived(bus, 2))
    assert await bus.effects() == ["before", "meanwhile"]


async def test_two_relays_on_one_outbox_send_each_event_in_order(bus: Bus) -> None:
    await bus.serve(consumer_of(bus, "work", batch=32))
    notes = [f"n{i}" for i in range(300)]
    await bus.say(*notes)
    await asyncio.gather(bus.relay(), bus.relay())
    await eventually(lambda: _arrived(bus, 300))
    assert await bus.effects() == notes


async def _arrived(bus: Bus, count: int) -> bool:
    return len(await bus.effects()) >= count


async def _holds(things: list[Any], count: int = 1) -> bool:
    return len(things) >= count


async def _outbox_empty(bus: Bus) -> bool:
    async with bus.publisher.begin() as tx:
        return bool(await tx.sql.fetchval("SELECT NOT EXISTS (SELECT 1 FROM outbox WHERE published_at IS NULL)"))
