"""Waiting a moment for company, but only where there is traffic.

A batch costs little more than one event: its transaction, its publish, its acknowledgement are shared. Taken at once,
dense traffic arrives in batches of two or three and the fixed costs eat the machine. So whoever is at work again
within `DENSE` of the last time first rests for a multiple of what that took: on a busy machine a pass takes longer,
the rest grows, and so do the batches. An event that comes alone is never held up.
"""

import asyncio
import time

DENSE = 0.03
REST = 4.0
LONGEST_REST = 0.15


class Linger:
    """One per relay and per consumer."""

    def __init__(self) -> None:
        self._worked = float("-inf")
        self._rest = 0.0

    async def wait(self) -> None:
        """When work has come, before taking it."""
        if time.monotonic() - self._worked < DENSE:
            await asyncio.sleep(self._rest)

    def worked(self, seconds: float) -> None:
        """After work that took so long and left room for more."""
        self._worked = time.monotonic()
        self._rest = min(REST * seconds, LONGEST_REST)
