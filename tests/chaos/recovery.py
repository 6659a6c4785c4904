"""Detects recovery: a checkout placed after the fault is confirmed, and every service is ready."""

import asyncio
import time
from dataclasses import dataclass, field
from uuid import uuid4

from dukan.services import GATEWAY, SERVICES
from tests.chaos.customers import GaveUpError
from tests.chaos.faults import Environment
from tests.chaos.ledger import FINAL, PROBE, Checkout, Ledger
from tests.chaos.process_faults import is_ready
from tests.chaos.traffic import place, until

LIMIT_SECONDS = 60.0
# A longer recovery is a failure; the harness still waits, so that the next fault meets a working platform.
PATIENCE_SECONDS = 180.0
FIRST_PAUSE, MAX_PAUSE = 0.5, 5.0


@dataclass
class Probes:
    """Checkouts as probes. They are ordinary customers and are in the ledger."""

    environment: Environment
    ledger: Ledger
    _sent: set[asyncio.Task[bool]] = field(default_factory=set)

    async def recovery(self) -> float | None:
        """Seconds from now until recovery; None if it takes longer than PATIENCE_SECONDS."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._confirmed()
                await self._ready()
        except TimeoutError:
            return None
        return time.monotonic() - began

    async def _confirmed(self) -> None:
        """Send another probe from time to time: the first may be delayed by something that later ones avoid."""
        mine: set[asyncio.Task[bool]] = set()
        pause = FIRST_PAUSE
        while not any(probe.done() and probe.result() for probe in mine):
            probe = asyncio.create_task(self._probe())
            mine.add(probe)
            self._sent.add(probe)
            await asyncio.wait(mine, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
            pause = min(pause * 1.3, MAX_PAUSE)
            mine = {probe for probe in mine if not probe.done() or probe.result()}

    async def _ready(self) -> None:
        waiting = [*SERVICES, GATEWAY]
        while waiting:
            ready = await asyncio.gather(*(is_ready(self.environment, service) for service in waiting))
            waiting = [service for service, answer in zip(waiting, ready, strict=True) if not answer]
            await asyncio.sleep(0.1 if waiting else 0)

    async def _probe(self) -> bool:
        customer = self.environment.customer
        checkout: Checkout = self.ledger.open(PROBE, str(uuid4()), customer.id, self.environment.product)
        try:
            await place(checkout, customer)
            await until(checkout, customer, FINAL)
        except GaveUpError as error:
            checkout.failure = str(error)
        except asyncio.CancelledError:
            checkout.failure = "cut off without an answer"
            raise
        return checkout.status == "confirmed"

    async def finish(self, within: float) -> None:
        """Wait for the pending probes."""
        if self._sent:
            await asyncio.wait(self._sent, timeout=within)
        for probe in self._sent:
            probe.cancel()
        await asyncio.gather(*self._sent, return_exceptions=True)
