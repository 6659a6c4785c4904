"""How long to wait before a provider is asked again."""

from datetime import timedelta

PAUSES = (1, 2, 5, 15, 60, 300)
"""Seconds after the first, second, … attempt; the last one repeats."""

PATIENCE = 30
"""Seconds at least while the customer has something to do: the provider tells us by webhook, this is the net below."""

LONGEST = timedelta(hours=1)
"""No pause and no claim lasts as long. What is due later was put off by a clock that was ahead, and is due now."""


def pause_before(attempt: int, *, patient: bool = False) -> timedelta:
    """The wait after `attempt` attempts (1 for the first)."""
    seconds = PAUSES[min(max(attempt, 1), len(PAUSES)) - 1]
    return timedelta(seconds=max(seconds, PATIENCE) if patient else seconds)
