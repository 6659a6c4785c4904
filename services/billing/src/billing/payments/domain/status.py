"""The states of a payment and their ranks."""

from enum import StrEnum


class Status(StrEnum):
    PENDING = "pending"
    PROCESSING = "processing"
    UNKNOWN = "unknown"
    ACTION_REQUIRED = "action_required"
    CANCELLED = "cancelled"
    FAILED = "failed"
    SUCCEEDED = "succeeded"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"


RANK = {
    Status.PENDING: 0,
    Status.PROCESSING: 1,
    Status.UNKNOWN: 1,
    Status.ACTION_REQUIRED: 2,
    Status.CANCELLED: 3,
    Status.FAILED: 3,
    Status.SUCCEEDED: 4,
    Status.PARTIALLY_REFUNDED: 5,
    Status.REFUNDED: 6,
}
OPEN = frozenset({Status.PENDING, Status.PROCESSING, Status.UNKNOWN, Status.ACTION_REQUIRED})


def can_move(current: Status, to: Status) -> bool:
    """Whether a provider's outcome may move a payment: upwards, or sideways while the payment is open."""
    return RANK[to] > RANK[current] or (RANK[to] == RANK[current] and current in OPEN)


def public_status(status: Status) -> Status:
    """What the API shows: whether a pending payment was already sent to its provider is internal."""
    return Status.PENDING if status is Status.PROCESSING else status
