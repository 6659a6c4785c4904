"""An event at one consumer, and the ways to settle it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from common.events.cloudevent import CloudEvent

RETRY_TIERS: tuple[float, ...] = (1.0, 5.0, 30.0, 300.0)
"""Seconds until the second, third, … attempt. An event whose attempts are spent becomes a dead letter."""

MAX_ATTEMPTS = len(RETRY_TIERS) + 1
"""Attempts that may fail, and also attempts that may crash the process that makes them."""

CRASHED = "the attempts are spent: the consumer ended while handling it"
"""The error of a dead letter whose handler never returned."""

DEAD_LETTERS = "operations.dead-letters"
"""The consumer that stores every dead letter of the platform."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event at one consumer; `attempt` counts from 1. `dead` is set on a dead letter."""

    cloud_event: CloudEvent
    attempt: int = 1
    dead: DeadLetter | None = None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """The queue whose consumer failed, after how many attempts, and its last error."""

    queue: str
    attempts: int
    error: str


@dataclass(frozen=True, slots=True)
class Done:
    """Handled, now or before: remove the delivery."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Deliver again after `delay` seconds, as the next attempt."""

    delay: float
    error: str


@dataclass(frozen=True, slots=True)
class Dead:
    """No further attempt: store it as a dead letter."""

    error: str


Settlement = Done | Retry | Dead
Handle = Callable[[Sequence[Delivery]], Awaitable[Sequence[Settlement]]]
