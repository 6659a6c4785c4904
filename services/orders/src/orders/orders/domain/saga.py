"""The checkout saga as a table: the step that an order takes in a status on a trigger. A pair without a step has no
effect."""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple


class Status(StrEnum):
    PENDING = "pending"
    RESERVED = "reserved"
    AWAITING_PAYMENT = "awaiting_payment"
    CONFIRMED = "confirmed"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"
    REFUNDED = "refunded"
    PARTIALLY_REFUNDED = "partially_refunded"


class Trigger(StrEnum):
    """Events of catalog and billing, commands, and the deadline."""

    STOCK_RESERVED = "stock_reserved"
    STOCK_REJECTED = "stock_rejected"
    RESERVATION_EXPIRED = "reservation_expired"
    PAYMENT_REQUESTED = "payment_requested"
    PAYMENT_ACTION_REQUIRED = "payment_action_required"
    PAYMENT_SUCCEEDED = "payment_succeeded"
    PAYMENT_FAILED = "payment_failed"
    PAYMENT_CANCELLED = "payment_cancelled"
    REFUNDED_IN_PART = "refunded_in_part"
    REFUNDED_IN_FULL = "refunded_in_full"
    CUSTOMER_CANCELS = "customer_cancels"
    STAFF_CANCELS = "staff_cancels"
    SHIP = "ship"
    DELIVER = "deliver"
    DEADLINE_PASSED = "deadline_passed"


class Action(StrEnum):
    """The event that a step publishes."""

    NOTHING = "nothing"
    REQUEST_PAYMENT = "request_payment"
    CONFIRM = "confirm"
    CANCEL = "cancel"
    SHIP = "ship"
    DELIVER = "deliver"


class Step(NamedTuple):
    """`reason` explains a cancellation; if it is empty, the signal has the reason."""

    status: Status
    action: Action = Action.NOTHING
    reason: str = ""


S, T, A = Status, Trigger, Action

# fmt: off
SAGA: Mapping[tuple[Status, Trigger], Step] = {
    (S.PENDING,            T.STOCK_RESERVED):          Step(S.RESERVED,           A.REQUEST_PAYMENT),
    (S.PENDING,            T.STOCK_REJECTED):          Step(S.CANCELLED,          A.CANCEL),
    (S.PENDING,            T.RESERVATION_EXPIRED):     Step(S.CANCELLED,          A.CANCEL, "reservation_expired"),
    (S.PENDING,            T.CUSTOMER_CANCELS):        Step(S.CANCELLED,          A.CANCEL, "cancelled_by_customer"),
    (S.PENDING,            T.STAFF_CANCELS):           Step(S.CANCELLED,          A.CANCEL, "cancelled_by_staff"),
    (S.PENDING,            T.DEADLINE_PASSED):         Step(S.CANCELLED,          A.CANCEL, "stock_timeout"),

    (S.RESERVED,           T.PAYMENT_REQUESTED):       Step(S.AWAITING_PAYMENT),
    (S.RESERVED,           T.RESERVATION_EXPIRED):     Step(S.CANCELLED,          A.CANCEL, "reservation_expired"),
    (S.RESERVED,           T.CUSTOMER_CANCELS):        Step(S.CANCELLED,          A.CANCEL, "cancelled_by_customer"),
    (S.RESERVED,           T.STAFF_CANCELS):           Step(S.CANCELLED,          A.CANCEL, "cancelled_by_staff"),
    (S.RESERVED,           T.DEADLINE_PASSED):         Step(S.CANCELLED,          A.CANCEL, "payment_timeout"),

    (S.AWAITING_PAYMENT,   T.PAYMENT_ACTION_REQUIRED): Step(S.AWAITING_PAYMENT),
    (S.AWAITING_PAYMENT,   T.PAYMENT_SUCCEEDED):       Step(S.CONFIRMED,          A.CONFIRM),
    (S.AWAITING_PAYMENT,   T.PAYMENT_FAILED):          Step(S.CANCELLED,          A.CANCEL, "payment_declined"),
    (S.AWAITING_PAYMENT,   T.RESERVATION_EXPIRED):     Step(S.CANCELLED,          A.CANCEL, "reservation_expired"),
    (S.AWAITING_PAYMENT,   T.CUSTOMER_CANCELS):        Step(S.CANCELLED,          A.CANCEL, "cancelled_by_customer"),
    (S.AWAITING_PAYMENT,   T.STAFF_CANCELS):           Step(S.CANCELLED,          A.CANCEL, "cancelled_by_staff"),
    (S.AWAITING_PAYMENT,   T.DEADLINE_PASSED):         Step(S.CANCELLED,          A.CANCEL, "payment_timeout"),

    (S.CONFIRMED,          T.STAFF_CANCELS):           Step(S.CANCELLED,          A.CANCEL, "cancelled_by_staff"),
    (S.CONFIRMED,          T.SHIP):                    Step(S.SHIPPED,            A.SHIP),
    (S.CONFIRMED,          T.REFUNDED_IN_PART):        Step(S.PARTIALLY_REFUNDED),
    (S.CONFIRMED,          T.REFUNDED_IN_FULL):        Step(S.REFUNDED),

    (S.SHIPPED,            T.DELIVER):                 Step(S.DELIVERED,          A.DELIVER),
    (S.SHIPPED,            T.REFUNDED_IN_PART):        Step(S.PARTIALLY_REFUNDED),
    (S.SHIPPED,            T.REFUNDED_IN_FULL):        Step(S.REFUNDED),

    (S.DELIVERED,          T.REFUNDED_IN_PART):        Step(S.PARTIALLY_REFUNDED),
    (S.DELIVERED,          T.REFUNDED_IN_FULL):        Step(S.REFUNDED),

    (S.PARTIALLY_REFUNDED, T.SHIP):                    Step(S.SHIPPED,            A.SHIP),
    (S.PARTIALLY_REFUNDED, T.DELIVER):                 Step(S.DELIVERED,          A.DELIVER),
    (S.PARTIALLY_REFUNDED, T.REFUNDED_IN_PART):        Step(S.PARTIALLY_REFUNDED),
    (S.PARTIALLY_REFUNDED, T.REFUNDED_IN_FULL):        Step(S.REFUNDED),
}
# fmt: on

FOLLOWED_BY: Mapping[Action, Trigger] = {Action.REQUEST_PAYMENT: Trigger.PAYMENT_REQUESTED}
"""The trigger that follows an action at once: an order whose payment is requested awaits that payment."""

IN_CHECKOUT = frozenset((Status.PENDING, Status.RESERVED, Status.AWAITING_PAYMENT))
"""Statuses that have a deadline; in all others the checkout is over."""


def transition(status: Status, trigger: Trigger) -> list[Step]:
    """The steps that an order takes on a trigger, in order; empty if the table has no step for the pair."""
    steps: list[Step] = []
    following: Trigger | None = trigger
    while following is not None and (step := SAGA.get((status, following))) is not None:
        steps.append(step)
        status, following = step.status, FOLLOWED_BY.get(step.action)
    return steps
