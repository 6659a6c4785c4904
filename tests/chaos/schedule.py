"""Which fault strikes when, and with what luck: all of it from one seed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from tests.chaos.faults import Fault

PAUSE = (0.5, 4.0)


@dataclass(frozen=True)
class Strike:
    """The next fault, after `pause` seconds of peace. `rng` decides everything that the fault may choose."""

    fault: Fault
    round: int
    pause: float
    rng: Random


def strikes(seed: int, faults: Sequence[Fault]) -> Iterator[Strike]:
    """Round after round without end, each fault once per round in an order of the round's own.

    A fault's luck depends on the seed, the round and its name only: it is the same when other faults are left out.
    """
    number = 0
    while True:
        number += 1
        rng = Random(f"{seed}/{number}")
        for fault in rng.sample(faults, len(faults)):
            yield Strike(fault, number, rng.uniform(*PAUSE), Random(f"{seed}/{number}/{fault.name}"))
