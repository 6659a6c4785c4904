"""When the platform works again: a checkout begun after the fault is confirmed, and every service is ready."""

import asyncio
import time
from dataclasses import dataclass, field
from uuid import uuid4

from dukan.services import GATEWAY, SERVICES
from tests.chaos.faults import Stage
from tests.chaos.ledger import FINAL, PROBE, Checkout, Ledger
from tests.chaos.process_faults import is_ready
from tests.chaos.shoppers import GaveUpError
from tests.chaos.traffic import place, until

LIMIT_SECONDS = 60.0
# What takes longer is a failure; yet the next fault should find a platform that works.
PATIENCE_SECONDS = 180.0
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 5.0


@dataclass
class Probes:
    """Checkouts that find out. They are customers like any other, and in the ledger."""

    stage: Stage
    ledger: Ledger
    _sent: set[asyncio.Task[bool]] = field(default_factory=set)

    async def recovery(self) -> float | None:
        """Seconds from now until it works; None when it did not within PATIENCE_SECONDS."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._confirmed()
                await self._ready()
        except TimeoutError:
            return None
        return time.monotonic() - began

    async def _confirmed(self) -> None:
        """A new probe now and then, because the first may be held up by what a later one is spared."""
        mine: set[asyncio.Task[bool]] = set()
        pause = FIRST_PAUSE
        while not any(probe.done() and probe.result() for probe in mine):
            probe = asyncio.create_task(self._probe())
            mine.add(probe)
            self._sent.add(probe)
            await asyncio.wait(mine, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
            pause = min(pause * 1.3, LONGEST_PAUSE)
            mine = {probe for probe in mine if not probe.done() or probe.result()}

    async def _ready(self) -> None:
        waiting = [*SERVICES, GATEWAY]
        while waiting:
            ready = await asyncio.gather(*(is_ready(self.stage, service) for service in waiting))
            waiting = [service for service, answer in zip(waiting, ready, strict=True) if not answer]
            await asyncio.sleep(0.1 if waiting else 0)

    async def _probe(self) -> bool:
        customer = self.stage.customer
        checkout: Checkout = self.ledger.open(PROBE, str(uuid4()), customer.id, self.stage.product)
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
        """Wait for those that are still out."""
        if self._sent:
            await asyncio.wait(self._sent, timeout=within)
        for probe in self._sent:
            probe.cancel()
        await asyncio.gather(*self._sent, return_exceptions=True)
