"""The order, pauses and random choices of the faults, all derived from one seed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from tests.chaos.faults import Fault

PAUSE = (0.5, 4.0)


@dataclass(frozen=True)
class PlannedFault:
    """The next fault, after `pause` seconds. `rng` makes all choices of the fault."""

    fault: Fault
    round: int
    pause: float
    rng: Random


def planned_faults(seed: int, faults: Sequence[Fault]) -> Iterator[PlannedFault]:
    """Endless rounds, each fault once per round in a random order.

    A fault's random choices depend on the seed, the round and its name only: they are the same if other faults are left
    out.
    """
    number = 0
    while True:
        number += 1
        rng = Random(f"{seed}/{number}")
        for fault in rng.sample(faults, len(faults)):
            yield PlannedFault(fault, number, rng.uniform(*PAUSE), Random(f"{seed}/{number}/{fault.name}"))
