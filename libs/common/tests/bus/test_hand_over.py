"""A replica that was added gets its share of a queue's work, and the events of a subject keep their order."""

import os
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Any

import pytest

from common.bus.rabbitmq import consumer
from common.bus.rabbitmq.transport import RabbitTransport
from common.bus.runtime import Runtime
from common.bus.subscriptions import collect, subscribe
from common.persistence.database import Database
from common.testing import eventually

from .conftest import Bus, delete_queues, new_event, record, word

pytestmark = pytest.mark.broker

SUBJECTS = 5
MAX_EVENTS = 500


@pytest.fixture
async def bus(new_database: Any) -> AsyncIterator[Bus]:
    transport = RabbitTransport(os.environ["AMQP_URL"], "test")
    await transport.start()
    bus = Bus(transport, await new_database(), await new_database(), new_event(), f"test{word()}")
    yield bus
    await bus.stop()
    await transport.close()
    await delete_queues(bus.queues)


class Replicas:
    """Processes of one service: each has its own connections, and all share a database."""

    def __init__(self, bus: Bus, batch: int) -> None:
        self._bus = bus
        self._batch = batch
        self._transports: list[RabbitTransport] = []
        self.batches: Counter[str] = Counter()

    async def add(self, replica: str) -> None:
        transport = RabbitTransport(os.environ["AMQP_URL"], replica)
        await transport.start()
        self._transports.append(transport)
        consumers = collect(self._handlers(replica))
        database: Database = self._bus.subscriber
        runtime = Runtime(self._bus.name, database, transport, consumers)
        await runtime.start()
        self._bus.running.append(runtime)
        self._bus.queues += [each.queue for each in consumers]

    def _handlers(self, replica: str) -> Any:
        this = self

        async def handle(events: Sequence[Any], tx: Any) -> None:
            this.batches[replica] += 1
            await record(tx, replica, *(event.note for event in events))

        class Handlers:
            @subscribe(this._bus.event, consumer=f"{this._bus.name}.work", batch=this._batch)
            async def on_noted(self, events: Any, tx: Any) -> None:
                await handle(events if this._batch > 1 else [events], tx)

        return Handlers()

    async def close(self) -> None:
        await self._bus.stop()
        for transport in self._transports:
            await transport.close()


@pytest.mark.parametrize("batch", [1, 4, 64])
async def test_at_saturation_replicas_share_a_queue_and_no_subject_loses_its_order(
    bus: Bus, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(consumer, "HOLD_SECONDS", 0.05)
    replicas = Replicas(bus, batch)
    await replicas.add("one")
    await replicas.add("two")
    await publish(bus, range(2000))
    await bus.relay()
    await eventually(lambda: _all_handled(bus, 2000), within=60)
    effects = await bus.effects()
    assert Counter(effects) == Counter(f"{n % SUBJECTS}:{n}" for n in range(2000))
    of_subject: dict[str, list[int]] = defaultdict(list)
    for effect in effects:
        subject, _, number = effect.partition(":")
        of_subject[subject].append(int(number))
    assert all(numbers == sorted(numbers) for numbers in of_subject.values())
    assert set(replicas.batches) == {"one", "two"}
    await replicas.close()


async def test_a_replica_that_is_added_works_and_a_calm_queue_goes_back_and_forth(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer, "HOLD_SECONDS", 0.05)
    replicas = Replicas(bus, 16)
    await replicas.add("one")
    await bus.relay()
    await publish(bus, range(5))
    await eventually(lambda: _all_handled(bus, 5))
    assert set(replicas.batches) == {"one"}
    await replicas.add("two")
    number = 5
    # The added replica needs a moment to connect.
    while replicas.batches["two"] < 10 and number < MAX_EVENTS:
        await publish(bus, [number])
        number += 1
        await eventually(partial(_all_handled, bus, number))
    before = replicas.batches["one"]
    while replicas.batches["one"] < before + 10 and number < 2 * MAX_EVENTS:
        await publish(bus, [number])
        number += 1
        await eventually(partial(_all_handled, bus, number))
    assert replicas.batches["two"] >= 10
    assert replicas.batches["one"] >= before + 10
    await replicas.close()


async def test_a_consumer_that_is_alone_becomes_the_active_one_again(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumer, "HOLD_SECONDS", 0.0)
    replicas = Replicas(bus, 4)
    await replicas.add("one")
    await bus.relay()
    await publish(bus, range(200))
    await eventually(lambda: _all_handled(bus, 200), within=30)
    assert sorted(await bus.effects()) == sorted(f"{n % SUBJECTS}:{n}" for n in range(200))
    await replicas.close()


async def publish(bus: Bus, numbers: Sequence[int]) -> None:
    async with bus.publisher.begin() as tx:
        for number in numbers:
            subject = str(number % SUBJECTS)
            tx.publish(bus.event(subject_id=subject, note=f"{subject}:{number}"))


async def _all_handled(bus: Bus, count: int) -> bool:
    async with bus.subscriber.begin() as tx:
        return bool(await tx.sql.fetchval("SELECT count(*) >= $1 FROM effect", count))
