"""The clock of the process. Code calls `now()`; tests and fault injection replace the clock with `use(...)`."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Protocol, TypeVar


class Clock(Protocol):
    """A source of the current time, timezone-aware and in UTC."""

    def now(self) -> datetime: ...


C = TypeVar("C", bound=Clock)


class SystemClock:
    """The machine's wall clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class FixedClock:
    """A clock that moves only when a test advances it."""

    def __init__(self, at: datetime) -> None:
        self._at = at

    def now(self) -> datetime:
        return self._at

    def advance(self, by: timedelta) -> None:
        self._at += by


_clock: Clock = SystemClock()


def now() -> datetime:
    """The current time in UTC, by the clock in use."""
    return _clock.now()


@contextmanager
def use(clock: C) -> Iterator[C]:
    """Replace the process's clock inside the block."""
    global _clock  # noqa: PLW0603  (one process, one clock: that is the point)
    before, _clock = _clock, clock
    try:
        yield clock
    finally:
        _clock = before
