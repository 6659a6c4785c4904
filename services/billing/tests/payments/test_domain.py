"""The rules of payments, without a database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.payments.domain.outcomes import (
    ActionRequired,
    Cancelled,
    Captured,
    Declined,
    Outcome,
    Processing,
    Unknown,
)
from billing.payments.domain.payment import (
    MIN_CUSTOMER_SECONDS,
    Change,
    Payment,
    apply_outcome,
    cancel,
    open_payment,
)
from billing.payments.domain.status import OPEN, RANK, Status, can_move
from billing.retries import BACKOFF
from common.contracts.billing import PaymentActionRequired, PaymentCancelled, PaymentFailed, PaymentSucceeded
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
        enabled_providers={"sandbox"},
        now=NOW,
    ).payment
    return replace(opened, **({"status": status, "attempts": 1} | changes))  # type: ignore[arg-type]


def apply(to: Payment, outcome: Outcome) -> Change:
    return apply_outcome(to, outcome, NOW, BACKOFF.after)


@pytest.mark.parametrize(("current", "to"), list(product(Status, Status)))
def test_an_outcome_never_moves_a_payment_to_a_lower_rank(current: Status, to: Status) -> None:
    assert not (can_move(current, to) and RANK[to] < RANK[current])
    assert can_move(current, to) or RANK[to] <= RANK[current]


@pytest.mark.parametrize("outcome", OUTCOMES)
@pytest.mark.parametrize("status", [Status.SUCCEEDED, Status.PARTIALLY_REFUNDED, Status.REFUNDED])
def test_no_outcome_reverts_a_capture(status: Status, outcome: Outcome) -> None:
    settled = payment(status, captured=1_000, reference="ref", next_attempt_at=None)
    change = apply(settled, outcome)
    assert (change.payment, change.event, change.refund_amount) == (settled, None, 0)


@given(st.lists(st.sampled_from(OUTCOMES), min_size=1, max_size=12), st.booleans())
def test_outcomes_in_any_order_and_number_publish_at_most_one_capture_and_one_failure(
    outcomes: list[Outcome], cancelled: bool
) -> None:
    current, events, refund_amount = payment(cancel_requested=cancelled), [], 0
    for outcome in outcomes:
        change = apply(current, outcome)
        assert RANK[change.payment.status] >= RANK[current.status]
        current, refund_amount = change.payment, refund_amount + change.refund_amount
        events += [change.event] if change.event else []
    captures = [event for event in events if isinstance(event, PaymentSucceeded)]
    failures = [event for event in events if isinstance(event, PaymentFailed)]
    assert len(captures) == any(isinstance(outcome, Captured) for outcome in outcomes)
    assert len(failures) <= 1
    assert current.captured == (1_000 if captures else 0)
    must_refund = bool(captures) and (cancelled or bool(failures))
    assert refund_amount == current.promised == (1_000 if must_refund else 0)
    assert (current.next_attempt_at is not None) == current.is_open


def test_a_capture_after_a_failure_is_refunded() -> None:
    failed = apply(payment(), Declined("card_declined", "no")).payment
    assert apply(failed, Captured("ref", AMOUNT)).refund_amount == 1_000


@pytest.mark.parametrize("status", sorted(OPEN - {Status.PENDING}))
def test_cancelling_a_sent_payment_calls_its_provider_at_once(status: Status) -> None:
    change = cancel(payment(status, attempts=9), NOW).payment
    assert (change.status, change.cancel_requested, change.next_attempt_at, change.attempts) == (status, True, NOW, 0)


@pytest.mark.parametrize("status", [Status.CANCELLED, Status.FAILED, Status.REFUNDED])
def test_cancelling_a_payment_without_captured_money_refunds_nothing(status: Status) -> None:
    money = {"captured": 1_000, "promised": 1_000, "refunded": 1_000} if status is Status.REFUNDED else {}
    assert cancel(payment(status, **money), NOW).refund_amount == 0


def test_cancelling_a_partially_refunded_payment_refunds_the_rest() -> None:
    partial = payment(Status.PARTIALLY_REFUNDED, captured=1_000, promised=400, refunded=300)
    change = cancel(partial, NOW)
    assert (change.refund_amount, change.payment.promised) == (600, 1_000)


def test_a_cancellation_at_the_provider_is_a_failure_unless_we_requested_it() -> None:
    theirs = apply(payment(), Cancelled("ref"))
    assert isinstance(theirs.event, PaymentFailed)
    ours = apply(payment(cancel_requested=True), Cancelled("ref"))
    assert (ours.payment.status, type(ours.event)) == (Status.CANCELLED, PaymentCancelled)


@pytest.mark.parametrize("end", [Cancelled("ref"), Declined("card_declined", "no"), Captured("ref", AMOUNT)])
def test_a_final_payment_asks_for_no_action(end: Outcome) -> None:
    waiting = apply(payment(), ActionRequired("ref", "redirect", "https://bank.example")).payment
    for change in (apply(waiting, end), apply(cancel(waiting, NOW).payment, end)):
        assert not change.payment.is_open
        assert (change.payment.action_type, change.payment.action_url) == (None, None)


def test_a_payment_that_is_being_cancelled_asks_for_no_action() -> None:
    action = ActionRequired("ref", "redirect", "https://bank.example")
    cancelling = cancel(apply(payment(), action).payment, NOW).payment
    again = apply(cancelling, action)
    assert (cancelling.action_url, again.payment.action_url, again.event) == (None, None, None)
    assert isinstance(apply(payment(), action).event, PaymentActionRequired)


def test_pauses_grow_to_a_limit_and_are_longer_while_the_customer_must_act() -> None:
    waits = []
    for attempt in range(1, 10):
        due = apply(payment(attempts=attempt), Unknown("time-out")).payment.next_attempt_at
        assert due is not None
        waits.append(due - NOW)
    assert all(earlier <= later for earlier, later in pairwise(waits))
    assert waits[-1] == timedelta(seconds=300)
    waiting = apply(payment(), ActionRequired("ref", "sandbox")).payment
    assert waiting.next_attempt_at == NOW + timedelta(seconds=MIN_CUSTOMER_SECONDS)


def test_a_capture_of_another_amount_is_an_error() -> None:
    for other in (Money(amount=999, currency="TZS"), Money(amount=1_000, currency="KES")):
        with pytest.raises(ValueError, match="was captured as"):
            apply(payment(), Captured("ref", other))
