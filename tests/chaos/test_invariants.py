"""The checks see what they are there for: each breach planted here is found, and only that."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import pytest

from tests.e2e.platform import Platform

from .invariants import Verdict, events, money, promises, sagas, stock
from .ledger import OK, Checkout, Ledger
from .record import Record, Seen

CUSTOMER = "c"


class Tables:
    """Answers each query with the rows given for the first words that occur in it."""

    def __init__(self, rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        self._rows = rows

    async def sql(self, service: str, query: str, *values: Any) -> Sequence[Mapping[str, Any]]:
        return next((rows for words, rows in self._rows.items() if words in query), [])


def tables(**rows: Sequence[Mapping[str, Any]]) -> Platform:
    return cast("Platform", Tables({words.replace("_", " "): found for words, found in rows.items()}))


def told(*statuses: str, order: str = "1") -> Ledger:
    ledger = Ledger()
    checkout = ledger.open(OK, "key", CUSTOMER, "p")
    checkout.answers.add(order)
    checkout.told += statuses
    return ledger


def only(verdict: Verdict, words: str) -> bool:
    return len(verdict.breaches) == 1 and words in verdict.breaches[0]


async def test_a_promise_that_is_kept_is_no_breach() -> None:
    verdict = await promises(tables(FROM_orders=[{"id": "1", "status": "confirmed"}]), told("pending", "confirmed"))
    assert (verdict.checked, verdict.breaches) == (2, [])


async def test_a_lost_order_is_found() -> None:
    verdict = await promises(tables(), told("confirmed"))
    assert any("promised and is lost" in breach for breach in verdict.breaches)


async def test_an_order_that_nobody_was_told_of_is_found() -> None:
    rows = [{"id": "1", "status": "confirmed"}, {"id": "2", "status": "confirmed"}]
    assert only(await promises(tables(FROM_orders=rows), told("confirmed")), "order 2 was made without an answer")


def _changed(**change: Any) -> Checkout:
    [checkout] = told("pending", "confirmed", "cancelled").checkouts
    for name, value in change.items():
        setattr(checkout, name, value)
    return checkout


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, "told confirmed, then cancelled though nobody asked"),
        ({"told": ["cancelled", "confirmed"]}, "told cancelled, then confirmed"),
        ({"told": ["pending", "confirmed"], "cancelled": True}, "its cancellation was confirmed"),
        ({"cancel_asked": True, "answers": {"1", "2"}}, "one key, 2 orders"),
        ({"cancel_asked": True, "failure": "never answered"}, "never answered"),
    ],
)
def test_whoever_is_told_two_things_is_found(change: dict[str, Any], words: str) -> None:
    [contradiction] = Ledger([_changed(**change)]).contradictions()
    assert words in contradiction


def _record(*ids: str) -> Record:
    record = Record(lambda: "")
    record.seen = {name: Seen(name, "orders.order.placed.v1", 0, redelivered=False) for name in ids}
    return record


OUTBOX_ROW = {"id": "e1", "type": "orders.order.placed.v1", "queue": None, "published_at": 1, "dead_at": None}


async def test_an_event_that_never_was_on_the_bus_is_found() -> None:
    verdict = await events(tables(FROM_outbox=[OUTBOX_ROW]), _record(), set())
    assert all("was never seen" in breach for breach in verdict.breaches)
    assert verdict.breaches


async def test_an_event_that_nobody_committed_is_found_unless_we_planted_it() -> None:
    shop = tables(FROM_outbox=[OUTBOX_ROW])
    assert only(await events(shop, _record("e1", "e2"), set()), "e2 was on the bus though nobody committed it")
    assert not (await events(shop, _record("e1", "e2"), {"e2"})).breaches


async def test_a_customer_who_was_told_twice_or_never_is_found() -> None:
    orders = [{"id": "1", "status": "confirmed"}]
    for times in (0, 2):
        notified = [{"order_id": "1", "topic": "order.confirmed", "times": times}]
        verdict = await events(tables(FROM_orders=orders, FROM_notification=notified), None, set())
        assert only(verdict, f"told {times} times")


async def test_stock_that_appeared_or_is_still_set_aside_is_found() -> None:
    def shop(available: int, reserved: int, sold: int) -> Platform:
        row = Row(available=available, reserved=reserved, sold=sold)
        return tables(FROM_stock=[row], FROM_orders=[{"units": 2}])

    assert not (await stock(shop(8, 0, 2), {"p": 10})).breaches
    assert only(await stock(shop(9, 0, 2), {"p": 10}), "began with 10")
    assert only(await stock(shop(8, 0, 2), {"p": 11}), "began with 11")
    assert only(await stock(shop(7, 1, 2), {"p": 10}), "2 confirmed but")


class Row(dict[str, int]):
    """Iterates over its values, as a database's row does."""

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
async def test_money_that_does_not_fit_the_verdict_is_found(
    status: str, captured: int, refunded: int, captures: int
) -> None:
    book = {"order_id": "1", "captured": captured, "refunded": refunded, "captures": captures}
    shop = tables(FROM_payment=[book], FROM_orders=[{"id": "1", "status": status, "total": 100}])
    assert only(await money(shop), f"1 is {status}")


async def test_an_open_checkout_and_an_illegal_step_are_found() -> None:
    steps = [{"order_id": "1", "status": status} for status in ("pending", "confirmed")]
    rows = {"FROM orders": [{"id": "1", "status": "reserved"}], "FROM order_step": steps}
    verdict = await sagas(cast("Platform", Tables(rows)))
    assert verdict.breaches == ["1 is still reserved", "1 went from pending to confirmed"]
