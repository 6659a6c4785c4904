"""The relay when publishing fails, and the order and purge of the outbox."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from common.bus import relay as relay_module
from common.bus.relay import MAX_ATTEMPTS, Relay
from common.bus.transport import OutboundEvent
from common.contracts.event import registry
from common.persistence.database import Database

from .conftest import new_event


class Scripted:
    """A transport whose outcomes a test decides; it records what was published."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.unroutable: set[str] = set()
        self.unavailable = False

    async def publish(self, batch: Sequence[OutboundEvent]) -> list[Exception | None]:
        if self.unavailable:
            raise ConnectionError("broker unavailable")
        self.sent += [outgoing.cloud_event.subject for outgoing in batch]
        return [LookupError("unroutable") if o.cloud_event.subject in self.unroutable else None for o in batch]


@pytest.fixture
async def database(new_database: Callable[[], Awaitable[Database]]) -> Database:
    return await new_database()


@pytest.fixture
def transport() -> Scripted:
    return Scripted()


@pytest.fixture
def relay(database: Database, transport: Scripted) -> Relay:
    return Relay("test", database, transport)  # type: ignore[arg-type]


async def publish(database: Database, *subjects: str) -> None:
    event: Any = new_event()
    registry.pop(event.type)
    async with database.begin() as tx:
        for subject in subjects:
            tx.publish(event(subject_id=subject, note="x"))


async def column(database: Database, query: str) -> list[Any]:
    async with database.begin() as tx:
        return [row[0] for row in await tx.sql.fetch(query)]


async def test_an_unavailable_broker_costs_no_attempts(database: Database, transport: Scripted, relay: Relay) -> None:
    await publish(database, "a", "b")
    transport.unavailable = True
    for _ in range(MAX_ATTEMPTS + 1):
        with pytest.raises(ConnectionError):
            await relay.drain_once()
    assert await column(database, "SELECT attempts FROM outbox") == [0, 0]
    transport.unavailable = False
    assert await relay.drain_once() == 2


async def test_a_row_that_is_never_routable_is_dead_and_blocks_its_subject_only(
    database: Database, transport: Scripted, relay: Relay
) -> None:
    transport.unroutable = {"bad"}
    await publish(database, "bad", "good")
    for _ in range(MAX_ATTEMPTS):
        await relay.drain_once()
    assert await column(database, "SELECT subject FROM outbox WHERE dead_at IS NOT NULL") == ["bad"]
    transport.sent.clear()
    await publish(database, "bad", "good")
    await relay.drain_once()
    assert transport.sent == ["good"]


async def test_a_revived_row_is_published_before_the_rows_that_it_blocked(
    database: Database, transport: Scripted, relay: Relay
) -> None:
    transport.unroutable = {"bad"}
    await publish(database, "bad")
    for _ in range(MAX_ATTEMPTS):
        await relay.drain_once()
    await publish(database, "bad")
    transport.unroutable.clear()
    transport.sent.clear()
    await column(database, "UPDATE outbox SET dead_at = NULL, attempts = 0 WHERE dead_at IS NOT NULL RETURNING id")
    assert await relay.drain_once() == 2
    assert transport.sent == ["bad", "bad"]


async def test_partitions_claimed_by_another_relay_are_skipped(
    database: Database, transport: Scripted, relay: Relay
) -> None:
    await publish(database, "a", "b", "c")
    async with database.begin() as other:
        await other.sql.fetch(relay_module.CLAIM)
        assert await relay.drain_once() == 0
    assert await relay.drain_once() == 3


async def test_a_purge_keeps_up_with_any_number_of_rows(
    database: Database, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_module, "PURGE_BATCH", 2)
    await publish(database, *"abcde")
    await column(database, "UPDATE outbox SET published_at = now() - interval '2 hours' RETURNING id")
    assert await relay.purge() == 5
    assert await column(database, "SELECT id FROM outbox") == []


async def test_only_rows_published_more_than_an_hour_ago_are_purged(database: Database, relay: Relay) -> None:
    await publish(database, "old", "new", "pending")
    await column(
        database, "UPDATE outbox SET published_at = now() - interval '2 hours' WHERE subject = 'old' RETURNING id"
    )
    await column(database, "UPDATE outbox SET published_at = now() WHERE subject = 'new' RETURNING id")
    assert await relay.purge() == 1
    assert await column(database, "SELECT subject FROM outbox ORDER BY id") == ["new", "pending"]
