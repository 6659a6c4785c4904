"""Waiting for a batch to form, but only in dense traffic.

A batch costs little more than one event: its transaction, its publish and its acknowledgement are shared. Taken at
once, dense traffic arrives in batches of two or three, and the fixed costs use up the machine. So a worker that has
work again within DENSE_SECONDS first pauses for a multiple of its last pass. On a busy machine a pass takes longer,
so the pause and the batches grow. A single event is never delayed.
"""

import asyncio
import time

DENSE_SECONDS = 0.03
PAUSE_PER_PASS = 4.0
MAX_PAUSE_SECONDS = 0.15


class Linger:
    """One per relay and per consumer."""

    def __init__(self) -> None:
        self._worked_at = float("-inf")
        self._pause = 0.0

    async def wait(self) -> None:
        """Call when there is work, before taking it."""
        if time.monotonic() - self._worked_at < DENSE_SECONDS:
            await asyncio.sleep(self._pause)

    def worked(self, seconds: float) -> None:
        """Call after a pass that took so long and did not fill its batch."""
        self._worked_at = time.monotonic()
        self._pause = min(PAUSE_PER_PASS * seconds, MAX_PAUSE_SECONDS)
