from collections.abc import Sequence

import pytest
from bench.backlog import Backlog
from bench.scenarios.sustained import Run
from bench.steady import Sent


def run(backlogs: Sequence[int], confirmed: float = 400.0) -> Run:
    looks = [Backlog(float(second), orders, 0, 0) for second, orders in enumerate(backlogs)]
    return Run(400.0, confirmed, 0, 0, 0.0, 0.0, Sent(), looks, 0.0, {"total": 0.0})


def test_a_backlog_that_goes_up_and_down_is_kept_up_with() -> None:
    assert run([100, 300, 120, 280, 150, 310, 200, 90, 260]).keeps_up


def test_a_backlog_that_grows_is_not() -> None:
    assert not run([100, 200, 400, 800, 1000, 1200, 1600, 1800, 2000]).keeps_up


def test_confirming_less_than_was_ordered_is_not() -> None:
    assert not run([100] * 9, confirmed=380.0).keeps_up


@pytest.mark.parametrize("looks", [[], [5], [5, 5]])
def test_a_run_too_short_for_thirds_still_has_a_verdict(looks: list[int]) -> None:
    assert run(looks).keeps_up
