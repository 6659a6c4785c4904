"""A payment provider that charges but responds too late."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from tests.chaos.faults import Environment, Fault
from tests.chaos.inject.points import CHARGED, DELAY, Order
from tests.chaos.points import acted, in_force

# A call may take 10 s.
HANGS = 12.0
SECONDS = (1.0, 3.0)


@dataclass(frozen=True)
class ChargedInSilence:
    """For some seconds, every charge is booked by the provider and answered after the time-out."""

    name: str = "provider-charged-but-timed-out"

    async def inject(self, environment: Environment, rng: Random) -> None:
        with in_force(environment, "billing", Order(CHARGED, DELAY, seconds=HANGS, standing=True)) as control:
            await acted(control)
            await asyncio.sleep(rng.uniform(*SECONDS))
        await asyncio.sleep(HANGS)
        await _captured_once(environment, [each["detail"] for each in control.acted()])


async def _captured_once(environment: Environment, payments: Sequence[str]) -> None:
    """The provider's books have one entry for each; the invariants check the amounts."""
    query = "SELECT count(*) AS n FROM sandbox_charge WHERE idempotency_key = ANY($1::text[]::uuid[])"
    [booked] = await environment.sql("billing", query, list(set(payments)))
    assert booked["n"] == len(set(payments)), f"{len(set(payments))} charges, {booked['n']} entries in the books"


PROVIDER_FAULTS: Sequence[Fault] = (ChargedInSilence(),)
