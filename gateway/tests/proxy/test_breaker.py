"""When the breaker opens and closes."""

import pytest
from gateway_harness import FakeClock

from gateway.proxy.breaker import Breaker


@pytest.fixture
def breaker(clock: FakeClock) -> Breaker:
    return Breaker(clock)


def record(breaker: Breaker, *, successes: int = 0, failures: int = 0) -> None:
    for _ in range(successes):
        breaker.record_success()
    for _ in range(failures):
        breaker.record_failure()


@pytest.mark.parametrize(
    ("successes", "failures", "opens"), [(0, 19, False), (0, 20, True), (15, 5, False), (15, 6, True)]
)
def test_the_breaker_opens_above_a_quarter_of_at_least_twenty(
    breaker: Breaker, successes: int, failures: int, opens: bool
) -> None:
    record(breaker, successes=successes, failures=failures)

    assert breaker.allows() != opens
    assert (breaker.retry_after > 0) == opens


def test_failures_before_the_window_do_not_count(breaker: Breaker, clock: FakeClock) -> None:
    record(breaker, failures=19)
    clock.at += 10
    record(breaker, failures=19)

    assert breaker.allows()


def test_after_ten_seconds_one_request_passes_and_its_success_closes_the_breaker(
    breaker: Breaker, clock: FakeClock
) -> None:
    record(breaker, failures=20)
    clock.at += 9.9
    assert not breaker.allows()
    clock.at += 0.1
    assert [breaker.allows() for _ in range(3)] == [True, False, False]
    breaker.record_success()

    assert all(breaker.allows() for _ in range(3))


def test_a_failed_probe_keeps_the_breaker_open(breaker: Breaker, clock: FakeClock) -> None:
    record(breaker, failures=20)
    clock.at += 10
    assert breaker.allows()
    clock.at += 5
    breaker.record_failure()
    clock.at += 9.9
    assert not breaker.allows()
    clock.at += 0.1

    assert breaker.allows()


def test_outcomes_of_requests_in_flight_do_not_change_an_open_breaker(breaker: Breaker, clock: FakeClock) -> None:
    record(breaker, failures=20)
    clock.at += 5
    record(breaker, successes=50, failures=50)
    assert not breaker.allows()
    clock.at += 5

    assert breaker.allows()
