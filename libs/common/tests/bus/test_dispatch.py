"""Grouping a batch by handler, and settling failed attempts."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import asyncpg
import pytest

from common.bus import dispatch as dispatching
from common.bus.delivery import RETRY_TIERS, Dead, Delivery, Done, Retry
from common.bus.dispatch import Dispatcher
from common.bus.subscriptions import collect, matches, subscribe
from common.contracts.event import Event, registry
from common.errors import DatabaseUnavailable
from common.events.cloudevent import CloudEvent
from common.jobs import Backoff
from common.persistence.database import Database

from .conftest import new_event


@pytest.fixture
async def database(new_database: Callable[[], Awaitable[Database]]) -> Database:
    return await new_database()


@pytest.fixture
def events() -> Any:
    pair = new_event(), new_event()
    yield pair
    for event in pair:
        registry.pop(event.type)


def delivery(event: type[Event], subject: str, attempt: int = 1) -> Delivery:
    return Delivery(CloudEvent.of(event(subject_id=subject, note=subject)), attempt)


class Calls:
    """Handlers of two types that record their calls."""

    def __init__(self, placed: type[Event], paid: type[Event], fail: BaseException | None = None) -> None:
        calls: list[tuple[str, list[str]]] = []

        class Handlers:
            @subscribe(placed, consumer="shop.work", batch=3)
            async def on_placed(self, events: Sequence[Any], tx: Any) -> None:
                if fail:
                    raise fail
                calls.append(("placed", [e.note for e in events]))

            @subscribe(paid, consumer="shop.work", batch=3)
            async def on_paid(self, events: Sequence[Any], tx: Any) -> None:
                calls.append(("paid", [e.note for e in events]))

        self.calls = calls
        self.consumer = collect(Handlers())[0]


async def test_a_mixed_batch_is_grouped_by_handler_without_reordering_a_subject(
    database: Database, events: tuple[type[Event], type[Event]]
) -> None:
    placed, paid = events
    calls = Calls(placed, paid)
    batch = [delivery(placed, "a"), delivery(paid, "b"), delivery(placed, "c"), delivery(paid, "a")]
    assert await Dispatcher(calls.consumer, database)(batch) == [Done()] * 4
    assert calls.calls == [("placed", ["a", "c"]), ("paid", ["b", "a"])]


async def test_a_subject_that_alternates_keeps_its_order(
    database: Database, events: tuple[type[Event], type[Event]]
) -> None:
    placed, paid = events
    calls = Calls(placed, paid)
    await Dispatcher(calls.consumer, database)([delivery(placed, "a"), delivery(paid, "a"), delivery(placed, "a")])
    assert calls.calls == [("placed", ["a"]), ("paid", ["a"]), ("placed", ["a"])]


async def test_no_call_takes_more_than_the_batch_of_its_handler(
    database: Database, events: tuple[type[Event], type[Event]]
) -> None:
    calls = Calls(*events)
    await Dispatcher(calls.consumer, database)([delivery(events[0], str(i)) for i in range(7)])
    assert [len(notes) for _, notes in calls.calls] == [3, 3, 1]


async def test_the_same_delivery_twice_in_one_batch_is_handled_once(
    database: Database, events: tuple[type[Event], type[Event]]
) -> None:
    calls = Calls(*events)
    twice = delivery(events[0], "a")
    again = Delivery(twice.cloud_event, 2)
    assert await Dispatcher(calls.consumer, database)([twice, again]) == [Done(), Done()]
    assert calls.calls == [("placed", ["a"])]


async def test_a_failure_is_retried_with_growing_delays_and_ends_as_a_dead_letter(
    database: Database, events: tuple[type[Event], type[Event]]
) -> None:
    dispatch = Dispatcher(Calls(*events, fail=RuntimeError("still no")).consumer, database)
    for attempt, delay in enumerate(RETRY_TIERS, start=1):
        assert await dispatch([delivery(events[0], "a", attempt)]) == [Retry(delay, "RuntimeError: still no")]
    assert await dispatch([delivery(events[0], "a", len(RETRY_TIERS) + 1)]) == [Dead("RuntimeError: still no")]


async def test_a_type_without_a_handler_is_done(database: Database, events: tuple[type[Event], type[Event]]) -> None:
    calls = Calls(*events)
    unknown = new_event()
    registry.pop(unknown.type)
    assert await Dispatcher(calls.consumer, database)([delivery(unknown, "a")]) == [Done()]
    assert calls.calls == []


async def test_a_database_outage_costs_no_attempt(database: Database, events: tuple[type[Event], type[Event]]) -> None:
    outages = 2
    handled: list[str] = []

    class Handlers:
        @subscribe(events[0], consumer="shop.work")
        async def on_placed(self, event: Any, tx: Any) -> None:
            nonlocal outages
            if outages:
                outages -= 1
                await self.cut(tx)
            handled.append(event.note)

        async def cut(self, tx: Any) -> None:
            """Let the server end this connection, as at a restart."""
            pid = await tx.sql.fetchval("SELECT pg_backend_pid()")
            async with database.begin() as other:
                await other.sql.execute("SELECT pg_terminate_backend($1)", pid)
            with pytest.raises((asyncpg.PostgresConnectionError, asyncpg.InterfaceError, OSError)):
                await tx.sql.execute("SELECT 1")
            raise ConnectionResetError("connection lost")

    settled = await Dispatcher(collect(Handlers())[0], database)([delivery(events[0], "a")])
    assert settled == [Done()]
    assert handled == ["a"]


async def test_a_long_database_outage_settles_no_delivery(
    database: Database, events: tuple[type[Event], type[Event]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatching, "MAX_OUTAGE_PAUSES", 2)
    monkeypatch.setattr(dispatching, "OUTAGE_BACKOFF", Backoff(0.0))
    attempts: list[int] = []

    class Handlers:
        @subscribe(events[0], consumer="shop.work", batch=3)
        async def on_placed(self, events: Sequence[Any], tx: Any) -> None:
            attempts.append(len(events))
            raise DatabaseUnavailable("no connection")

    with pytest.raises(DatabaseUnavailable, match="still unavailable"):
        await Dispatcher(collect(Handlers())[0], database)([delivery(events[0], subject) for subject in "abc"])
    assert attempts == [3, 3]


@pytest.mark.parametrize(
    ("pattern", "event_type", "expected"),
    [
        ("#", "orders.order.placed.v1", True),
        ("orders.#", "orders.order.placed.v1", True),
        ("orders.order.placed.v1.#", "orders.order.placed.v1", True),
        ("orders.*.placed.v1", "orders.order.placed.v1", True),
        ("orders.*.v1", "orders.order.placed.v1", False),
        ("*.*.*.*", "orders.order.placed.v1", True),
        ("billing.#", "orders.order.placed.v1", False),
        ("#.v1", "orders.order.placed.v1", True),
    ],
)
def test_patterns_match_as_in_amqp(pattern: str, event_type: str, expected: bool) -> None:
    assert matches(pattern, event_type) is expected


def test_a_consumer_cannot_handle_a_type_twice(events: tuple[type[Event], type[Event]]) -> None:
    class Handlers:
        @subscribe(events[0], consumer="shop.work")
        async def one(self, event: Any, tx: Any) -> None: ...

        @subscribe(events[0], consumer="shop.work")
        async def two(self, event: Any, tx: Any) -> None: ...

    with pytest.raises(ValueError, match="twice"):
        collect(Handlers())


@pytest.mark.parametrize("error", [TimeoutError("provider"), ConnectionRefusedError("provider"), OSError("disk")])
async def test_a_timeout_in_a_handler_costs_an_attempt(
    database: Database, events: tuple[type[Event], type[Event]], error: Exception
) -> None:
    dispatch = Dispatcher(Calls(*events, fail=error).consumer, database)
    [settled] = await dispatch([delivery(events[0], "a")])
    assert isinstance(settled, Retry)


async def test_a_wrong_statement_costs_an_attempt(database: Database, events: tuple[type[Event], type[Event]]) -> None:
    class Handlers:
        @subscribe(events[0], consumer="shop.work")
        async def on_placed(self, event: Any, tx: Any) -> None:
            await tx.sql.execute("SELECT $1::int", 1, 2)

    [settled] = await Dispatcher(collect(Handlers())[0], database)([delivery(events[0], "a")])
    assert isinstance(settled, Retry)
