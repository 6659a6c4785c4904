"""When a service's callers are told at once that it is down, and when they are let through again."""

import pytest

from gateway.breaker import Breaker

from .test_limits import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker(clock)


def report(breaker: Breaker, *, good: int = 0, bad: int = 0) -> None:
    for _ in range(good):
        breaker.succeeded()
    for _ in range(bad):
        breaker.failed()


@pytest.mark.parametrize(("good", "bad", "opens"), [(0, 19, False), (0, 20, True), (15, 5, False), (15, 6, True)])
def test_it_opens_above_a_quarter_of_at_least_twenty(breaker: Breaker, good: int, bad: int, opens: bool) -> None:
    report(breaker, good=good, bad=bad)

    assert breaker.allows() != opens
    assert (breaker.retry_after > 0) == opens


def test_what_failed_longer_ago_than_the_window_does_not_count(breaker: Breaker, clock: Clock) -> None:
    report(breaker, bad=19)
    clock.at += 10
    report(breaker, bad=19)

    assert breaker.allows()


def test_after_ten_seconds_one_tries_and_its_success_lets_all_in(breaker: Breaker, clock: Clock) -> None:
    report(breaker, bad=20)
    clock.at += 9.9
    assert not breaker.allows()
    clock.at += 0.1
    assert [breaker.allows() for _ in range(3)] == [True, False, False]
    breaker.succeeded()

    assert all(breaker.allows() for _ in range(3))


def test_when_the_one_that_tries_fails_it_stays_open_for_as_long_again(breaker: Breaker, clock: Clock) -> None:
    report(breaker, bad=20)
    clock.at += 10
    assert breaker.allows()
    clock.at += 5
    breaker.failed()
    clock.at += 9.9
    assert not breaker.allows()
    clock.at += 0.1

    assert breaker.allows()


def test_answers_to_what_was_under_way_neither_close_nor_prolong_it(breaker: Breaker, clock: Clock) -> None:
    report(breaker, bad=20)
    clock.at += 5
    report(breaker, good=50, bad=50)
    assert not breaker.allows()
    clock.at += 5

    assert breaker.allows()
