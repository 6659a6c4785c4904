"""The checks find the violations that they are made for: each violation planted here is found, and no other."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import pytest

from tests.e2e.platform import Platform

from .invariants import InvariantResult, acknowledged_orders, events, money, sagas, stock
from .ledger import OK, Checkout, Ledger
from .record import ReceivedEvent, Record

CUSTOMER = "c"


class Tables:
    """Answers each query with the rows for the first key that occurs in it."""

    def __init__(self, rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        self._rows = rows

    async def sql(self, service: str, query: str, *values: Any) -> Sequence[Mapping[str, Any]]:
        return next((rows for words, rows in self._rows.items() if words in query), [])


def tables(**rows: Sequence[Mapping[str, Any]]) -> Platform:
    return cast("Platform", Tables({words.replace("_", " "): found for words, found in rows.items()}))


def ledger_with(*statuses: str, order: str = "1") -> Ledger:
    ledger = Ledger()
    checkout = ledger.open(OK, "key", CUSTOMER, "p")
    checkout.answers.add(order)
    checkout.reported_statuses += statuses
    return ledger


def only(result: InvariantResult, words: str) -> bool:
    return len(result.violations) == 1 and words in result.violations[0]


async def test_a_correct_order_is_not_a_violation() -> None:
    result = await acknowledged_orders(
        tables(FROM_orders=[{"id": "1", "status": "confirmed"}]), ledger_with("pending", "confirmed")
    )
    assert (result.checked, result.violations) == (2, [])


async def test_a_lost_order_is_found() -> None:
    result = await acknowledged_orders(tables(), ledger_with("confirmed"))
    assert any("promised and is lost" in breach for breach in result.violations)


async def test_an_unacknowledged_order_is_found() -> None:
    rows = [{"id": "1", "status": "confirmed"}, {"id": "2", "status": "confirmed"}]
    assert only(
        await acknowledged_orders(tables(FROM_orders=rows), ledger_with("confirmed")),
        "order 2 was placed without a response",
    )


def _changed(**change: Any) -> Checkout:
    [checkout] = ledger_with("pending", "confirmed", "cancelled").checkouts
    for name, value in change.items():
        setattr(checkout, name, value)
    return checkout


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, "confirmed, then cancelled without a request"),
        ({"reported_statuses": ["cancelled", "confirmed"]}, "cancelled, then confirmed"),
        ({"reported_statuses": ["pending", "confirmed"], "cancelled": True}, "its cancellation was confirmed"),
        ({"cancel_asked": True, "answers": {"1", "2"}}, "one key, 2 orders"),
        ({"cancel_asked": True, "failure": "never answered"}, "never answered"),
    ],
)
def test_contradicting_responses_are_found(change: dict[str, Any], words: str) -> None:
    [contradiction] = Ledger([_changed(**change)]).contradictions()
    assert words in contradiction


def _record(*ids: str) -> Record:
    record = Record(lambda: "")
    record.seen = {name: ReceivedEvent(name, "orders.order.placed.v1", 0, redelivered=False) for name in ids}
    return record


OUTBOX_ROW = {"id": "e1", "type": "orders.order.placed.v1", "queue": None, "published_at": 1, "dead_at": None}


async def test_an_unpublished_event_is_found() -> None:
    result = await events(tables(FROM_outbox=[OUTBOX_ROW]), _record(), set())
    assert all("was never seen" in breach for breach in result.violations)
    assert result.violations


async def test_an_uncommitted_event_is_found_unless_a_fault_published_it() -> None:
    platform = tables(FROM_outbox=[OUTBOX_ROW])
    assert only(await events(platform, _record("e1", "e2"), set()), "e2 was on the bus though nobody committed it")
    assert not (await events(platform, _record("e1", "e2"), {"e2"})).violations


async def test_a_missing_or_duplicate_notification_is_found() -> None:
    orders = [{"id": "1", "status": "confirmed"}]
    for times in (0, 2):
        notified = [{"order_id": "1", "topic": "order.confirmed", "times": times}]
        result = await events(tables(FROM_orders=orders, FROM_notification=notified), None, set())
        assert only(result, f"notified {times} times")


async def test_wrong_or_still_reserved_stock_is_found() -> None:
    def platform(available: int, reserved: int, sold: int) -> Platform:
        row = Row(available=available, reserved=reserved, sold=sold)
        return tables(FROM_stock=[row], FROM_orders=[{"units": 2}])

    assert not (await stock(platform(8, 0, 2), {"p": 10})).violations
    assert only(await stock(platform(9, 0, 2), {"p": 10}), "began with 10")
    assert only(await stock(platform(8, 0, 2), {"p": 11}), "began with 11")
    assert only(await stock(platform(7, 1, 2), {"p": 10}), "2 confirmed but")


class Row(dict[str, int]):
    """Iterates over its values, like a database row."""

    def __iter__(self) -> Any:
        return iter(self.values())


@pytest.mark.parametrize(
    ("status", "captured", "refunded", "captures"),
    [
        ("confirmed", 0, 0, 0),
        ("confirmed", 200, 0, 2),
        ("confirmed", 100, 100, 1),
        ("confirmed", 90, 0, 1),
        ("cancelled", 100, 0, 1),
        ("cancelled", 100, 50, 1),
    ],
)
async def test_a_payment_that_contradicts_the_order_is_found(
    status: str, captured: int, refunded: int, captures: int
) -> None:
    book = {"order_id": "1", "captured": captured, "refunded": refunded, "captures": captures}
    platform = tables(FROM_payment=[book], FROM_orders=[{"id": "1", "status": status, "total": 100}])
    assert only(await money(platform), f"1 is {status}")


async def test_an_open_checkout_and_an_illegal_transition_are_found() -> None:
    steps = [{"order_id": "1", "status": status} for status in ("pending", "confirmed")]
    rows = {"FROM orders": [{"id": "1", "status": "reserved"}], "FROM order_step": steps}
    result = await sagas(cast("Platform", Tables(rows)))
    assert result.violations == ["1 is still reserved", "1 went from pending to confirmed"]
