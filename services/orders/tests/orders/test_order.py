"""How the domain places an order."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from common.errors import DukanError, Rejected
from common.ids import new_id
from common.money import Money
from orders.errors import EmptyOrder, MixedCurrencies, NotForSale, QuantityTooLarge, UnknownProducts
from orders.orders.domain.checkout import Checkout, Deadlines
from orders.orders.domain.order import Order, Placed
from orders.prices.domain import Price

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DEADLINES = Deadlines(stock=timedelta(seconds=60), payment=timedelta(seconds=900))
KANGA, KIKOI, HIDDEN, DOLLARS = (new_id() for _ in range(4))
PRICES = {
    KANGA: Price(KANGA, "Kanga", Money(amount=250_000, currency="TZS"), is_active=True),
    KIKOI: Price(KIKOI, "Kikoi", Money(amount=100, currency="TZS"), is_active=True),
    HIDDEN: Price(HIDDEN, "Hidden", Money(amount=1, currency="TZS"), is_active=False),
    DOLLARS: Price(DOLLARS, "Imported", Money(amount=1, currency="USD"), is_active=True),
}


def place(*items: tuple[UUID, int]) -> Placed | Rejected:
    checkout = Checkout(new_id(), new_id(), items, None, "sandbox", "tok_ok", None, "request-1")
    return Order.place(checkout, items, PRICES, NOW, DEADLINES)


def test_an_order_is_pending_with_total_and_deadline() -> None:
    placed = place((KANGA, 2), (KIKOI, 3))
    assert isinstance(placed, Placed)
    order = placed.order
    assert (order.status, order.deadline) == ("pending", NOW + DEADLINES.stock)
    assert order.total == Money(amount=500_300, currency="TZS")
    assert (order.payment.provider, order.payment.method, order.correlation_id) == ("sandbox", "tok_ok", "request-1")


def test_the_event_has_the_number_that_the_database_gave() -> None:
    placed = place((KANGA, 1))
    assert isinstance(placed, Placed)
    placed.order.number = "DK-2026-000001"
    assert (placed.event.number, placed.event.order_id) == ("DK-2026-000001", placed.order.id)


@pytest.mark.parametrize(
    ("items", "error", "field"),
    [
        ([], EmptyOrder, "items"),
        ([(KANGA, 600), (KANGA, 401)], QuantityTooLarge, "items.0.quantity"),
        ([(KANGA, 1), (HIDDEN, 1)], NotForSale, "items.1.product_id"),
        ([(KANGA, 1), (DOLLARS, 1)], MixedCurrencies, "items.1.product_id"),
        ([(KANGA, 1), (new_id(), 1)], UnknownProducts, "items.1.product_id"),
    ],
)
def test_a_checkout_that_cannot_become_an_order_is_rejected(
    items: list[tuple[UUID, int]], error: type[DukanError], field: str
) -> None:
    rejected = place(*items)
    assert isinstance(rejected, Rejected)
    assert (type(rejected.error), rejected.error.field) == (error, field)
