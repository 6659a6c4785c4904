"""Waiting a moment for company, but only where there is traffic.

A batch costs little more than one event: its transaction, its publish, its acknowledgement are shared. Taken at once,
dense traffic arrives in batches of two or three and the fixed costs eat the machine; so whoever is at work again
within `DENSE` of the last time first waits `LINGER`. An event that comes alone is never held up.
"""

import asyncio
import time

LINGER = 0.015
DENSE = 0.05


class Linger:
    """One per relay and per consumer."""

    def __init__(self) -> None:
        self._worked = float("-inf")

    async def wait(self) -> None:
        """Before taking work."""
        if time.monotonic() - self._worked < DENSE:
            await asyncio.sleep(LINGER)

    def worked(self) -> None:
        """After work that left room for more; a full batch is followed by the next at once."""
        self._worked = time.monotonic()
