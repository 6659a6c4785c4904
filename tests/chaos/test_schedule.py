"""A seed reproduces a run's faults: their order, their pauses and their random choices."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from random import Random

import pytest

from . import all_faults
from .faults import Environment, Fault
from .schedule import planned_faults


@dataclass(frozen=True)
class Nothing:
    name: str

    async def inject(self, environment: Environment, rng: Random) -> None: ...


def faults(*names: str) -> Sequence[Fault]:
    return [Nothing(name) for name in names]


def drawn(seed: int, names: str, count: int) -> list[tuple[str, int, float, float]]:
    found = islice(planned_faults(seed, faults(*names)), count)
    return [(inject.fault.name, inject.round, inject.pause, inject.rng.random()) for inject in found]


def test_the_same_seed_gives_the_same_faults() -> None:
    assert drawn(7, "abcde", 12) == drawn(7, "abcde", 12) != drawn(8, "abcde", 12)


def test_every_fault_is_injected_once_per_round() -> None:
    assert [sorted(name for name, number, _, _ in drawn(7, "abc", 9) if number == n) for n in (1, 2, 3)] == [
        list("abc")
    ] * 3


def test_the_random_choices_of_a_fault_do_not_depend_on_the_others() -> None:
    alone = {(name, number): luck for name, number, _, luck in drawn(7, "c", 3)}
    among = {(name, number): luck for name, number, _, luck in drawn(7, "abc", 9)}
    assert alone.items() <= among.items()


def test_names_are_unique_and_a_star_matches_a_prefix() -> None:
    names = [fault.name for fault in all_faults.FAULTS]
    assert len(names) == len(set(names))
    chosen = all_faults.chosen(["kill-orders", "postgres-*"])
    assert {fault.name for fault in chosen} >= {"kill-orders", "postgres-kill", "postgres-restart"}
    assert all(fault.name.startswith(("kill-orders", "postgres-")) for fault in chosen)


def test_an_unknown_fault_is_named() -> None:
    with pytest.raises(ValueError, match="there is no fault 'flood'"):
        all_faults.chosen(["flood"])
