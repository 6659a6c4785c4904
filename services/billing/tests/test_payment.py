"""The rules of a payment's life, without a database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.domain.opening import open_payment
from billing.domain.outcomes import ActionRequired, Cancelled, Captured, Declined, Outcome, Processing, Unknown
from billing.domain.pauses import PATIENCE, PAUSES
from billing.domain.payment import OPEN, RANK, Payment, Status, cancel, moves, receive
from billing.domain.refunding import promise, refunded
from common.contracts.billing import PaymentFailed, PaymentSucceeded
from common.errors import Conflict, Invalid
from common.ids import new_id
from common.money import Money

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
AMOUNT = Money(amount=1_000, currency="TZS")
OUTCOMES: list[Outcome] = [
    Captured("ref", AMOUNT),
    Declined("card_declined", "no", "ref"),
    ActionRequired("ref", "redirect", "https://bank.example"),
    Processing("ref"),
    Cancelled("ref"),
    Unknown("time-out"),
]


def payment(status: Status = Status.PROCESSING, **changes: object) -> Payment:
    opened = open_payment(
        new_id(),
        order_id=new_id(),
        customer_id=new_id(),
        number="DK-1",
        provider="sandbox",
        method=None,
        amount=AMOUNT,
        offered={"sandbox"},
        now=NOW,
    ).payment
    return replace(opened, **({"status": status, "attempts": 1} | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(("current", "to"), list(product(Status, Status)))
def test_a_report_never_moves_a_payment_down(current: Status, to: Status) -> None:
    assert not (moves(current, to) and RANK[to] < RANK[current])
    assert moves(current, to) or RANK[to] <= RANK[current]


@pytest.mark.parametrize("outcome", OUTCOMES)
@pytest.mark.parametrize("status", [Status.SUCCEEDED, Status.PARTIALLY_REFUNDED, Status.REFUNDED])
def test_nothing_undoes_a_capture(status: Status, outcome: Outcome) -> None:
    settled = payment(status, captured=1_000, reference="ref", next_attempt_at=None)
    change = receive(settled, outcome, NOW)
    assert (change.payment, change.event, change.give_back) == (settled, None, 0)


@given(st.lists(st.sampled_from(OUTCOMES), min_size=1, max_size=12), st.booleans())
def test_reports_in_any_order_and_number_tell_of_one_capture_and_one_failure(
    reports: list[Outcome], cancelled: bool
) -> None:
    now, events, given_back = payment(cancel_requested=cancelled), [], 0
    for report in reports:
        change = receive(now, report, NOW)
        assert RANK[change.payment.status] >= RANK[now.status]
        now, given_back = change.payment, given_back + change.give_back
        events += [change.event] if change.event else []
    captures = [event for event in events if isinstance(event, PaymentSucceeded)]
    failures = [event for event in events if isinstance(event, PaymentFailed)]
    assert len(captures) == any(isinstance(report, Captured) for report in reports)
    assert len(failures) <= 1
    assert now.captured == (1_000 if captures else 0)
    unwanted = bool(captures) and (cancelled or bool(failures))
    assert given_back == now.promised == (1_000 if unwanted else 0)
    assert (now.next_attempt_at is not None) == now.is_open


def test_a_capture_after_a_failure_goes_back() -> None:
    failed = receive(payment(), Declined("card_declined", "no"), NOW).payment
    assert receive(failed, Captured("ref", AMOUNT), NOW).give_back == 1_000


@pytest.mark.parametrize("status", sorted(OPEN - {Status.PENDING}))
def test_cancelling_a_sent_payment_asks_its_provider_at_once(status: Status) -> None:
    asked = cancel(payment(status, attempts=9), NOW).payment
    assert (asked.status, asked.cancel_requested, asked.next_attempt_at, asked.attempts) == (status, True, NOW, 0)


@pytest.mark.parametrize("status", [Status.CANCELLED, Status.FAILED, Status.REFUNDED])
def test_cancelling_where_no_money_is_left_gives_nothing_back(status: Status) -> None:
    money = {"captured": 1_000, "promised": 1_000, "refunded": 1_000} if status is Status.REFUNDED else {}
    assert cancel(payment(status, **money), NOW).give_back == 0


def test_cancelling_a_partly_refunded_payment_gives_the_rest_back() -> None:
    partly = payment(Status.PARTIALLY_REFUNDED, captured=1_000, promised=400, refunded=300)
    change = cancel(partly, NOW)
    assert (change.give_back, change.payment.promised) == (600, 1_000)


def test_a_cancellation_by_the_provider_alone_is_a_failure_and_ours_is_not() -> None:
    theirs = receive(payment(), Cancelled("ref"), NOW)
    assert isinstance(theirs.event, PaymentFailed)
    ours = receive(payment(cancel_requested=True), Cancelled("ref"), NOW)
    assert (ours.payment.status, ours.event) == (Status.CANCELLED, None)


def test_pauses_grow_to_a_limit_and_leave_the_customer_time() -> None:
    waits = []
    for attempt in range(1, 10):
        due = receive(payment(attempts=attempt), Unknown("time-out"), NOW).payment.next_attempt_at
        assert due is not None
        waits.append(due - NOW)
    assert all(earlier <= later for earlier, later in pairwise(waits))
    assert waits[-1] == timedelta(seconds=PAUSES[-1])
    waiting = receive(payment(), OUTCOMES[2], NOW).payment
    assert waiting.next_attempt_at == NOW + timedelta(seconds=PATIENCE)


def test_a_capture_of_another_amount_is_nothing_that_a_rule_can_settle() -> None:
    for other in (Money(amount=999, currency="TZS"), Money(amount=1_000, currency="KES")):
        with pytest.raises(ValueError, match="was captured as"):
            receive(payment(), Captured("ref", other), NOW)


def test_refunds_in_parts_add_up_and_no_more() -> None:
    paid = payment(Status.SUCCEEDED, captured=1_000)
    after, first = promise(paid, Money(amount=700, currency="TZS"))
    with pytest.raises(Invalid, match="At most 300") as refusal:
        promise(after, Money(amount=301, currency="TZS"))
    assert refusal.value.field == "amount.amount"
    after, rest = promise(after, None)
    assert (first, rest) == (700, 300)
    with pytest.raises(Conflict):
        promise(after, None)
    partly = refunded(after, 700, "broken").payment
    assert (partly.status, refunded(partly, 300, "late").payment.status) == (
        Status.PARTIALLY_REFUNDED,
        Status.REFUNDED,
    )


def test_a_refund_is_in_the_payments_currency() -> None:
    with pytest.raises(Invalid) as refusal:
        promise(payment(Status.SUCCEEDED, captured=1_000), Money(amount=1, currency="KES"))
    assert refusal.value.field == "amount.currency"
