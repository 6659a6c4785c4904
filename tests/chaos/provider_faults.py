"""A payment provider that charges and does not say so in time."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from tests.chaos.faults import Fault, Stage
from tests.chaos.inject.points import CHARGED, DELAY, Order
from tests.chaos.points import acted, in_force

# A call may take 10 s.
HANGS = 12.0
SECONDS = (1.0, 3.0)


@dataclass(frozen=True)
class ChargedInSilence:
    """Every charge of some seconds is booked by the provider, and its answer comes after the time-out."""

    name: str = "provider-charged-but-timed-out"

    async def strike(self, stage: Stage, rng: Random) -> None:
        with in_force(stage, "billing", Order(CHARGED, DELAY, seconds=HANGS, standing=True)) as control:
            await acted(control)
            await asyncio.sleep(rng.uniform(*SECONDS))
        await asyncio.sleep(HANGS)
        await _captured_once(stage, [each["detail"] for each in control.acted()])


async def _captured_once(stage: Stage, payments: Sequence[str]) -> None:
    """The provider's books have one entry for each; that it is the right amount is for the invariants to say."""
    query = "SELECT count(*) AS n FROM sandbox_charge WHERE idempotency_key = ANY($1::text[]::uuid[])"
    [booked] = await stage.sql("billing", query, list(set(payments)))
    assert booked["n"] == len(set(payments)), f"{len(set(payments))} charges, {booked['n']} entries in the books"


PROVIDER_FAULTS: Sequence[Fault] = (ChargedInSilence(),)
