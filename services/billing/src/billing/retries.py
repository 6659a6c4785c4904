"""When work that failed or is undecided is tried again."""

from datetime import datetime, timedelta

from common.jobs import Backoff

BACKOFF = Backoff(1, 2, 5, 15, 60, 300)
"""Seconds after the first, second, … attempt; the last one repeats."""

LEASE_MARGIN_SECONDS = 5.0
"""A lease outlasts the longest call by this, so that the result is recorded before another worker calls again."""

MAX_DELAY = timedelta(hours=1)
"""Longer than every pause and every lease. Work due later than that was scheduled by a clock that was ahead: it is
due now."""


def next_attempt(attempts: int, now: datetime) -> datetime:
    """When to try again after so many attempts, counted from 1."""
    return now + timedelta(seconds=BACKOFF.after(attempts))


def lease_until(timeout: float, now: datetime) -> datetime:
    """The end of a lease on work whose call takes at most `timeout` seconds."""
    return now + timedelta(seconds=timeout + LEASE_MARGIN_SECONDS)
