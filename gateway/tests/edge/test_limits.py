"""Rate limits: the arithmetic on a clock that stands still, and what a client is told."""

from dataclasses import dataclass

import pytest

from common.testing import TestIssuer
from gateway.limits import Limiter, Policy

from .behind import Behind, Seen
from .conftest import Door, OpenDoor

LOGIN = "/api/v1/auth/login"


@dataclass
class Clock:
    at: float = 1000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limiter(clock: Clock) -> Limiter:
    return Limiter(Policy("test", rate=2.0, burst=10), clock=clock)


def test_a_burst_is_allowed_and_then_the_rate(limiter: Limiter, clock: Clock) -> None:
    assert [limiter.take("a").remaining for _ in range(10)] == list(range(9, -1, -1))
    refused = limiter.take("a")
    assert (refused.allowed, refused.remaining) == (False, 0)
    assert refused.retry_after == pytest.approx(0.5)

    clock.at += 0.5
    assert limiter.take("a").allowed
    assert not limiter.take("a").allowed
    clock.at += 100
    assert [limiter.take("a").allowed for _ in range(11)] == [True] * 10 + [False]


def test_what_is_refused_is_not_counted(limiter: Limiter, clock: Clock) -> None:
    for _ in range(1000):
        limiter.take("a")

    clock.at += 5
    assert [limiter.take("a").allowed for _ in range(11)] == [True] * 10 + [False]


def test_over_a_long_time_exactly_the_rate_passes(limiter: Limiter, clock: Clock) -> None:
    passed = 0
    for _ in range(10_000):
        passed += limiter.take("a").allowed
        clock.at += 0.1

    assert passed == 10 + 2 * 1000 - 1


def test_keys_do_not_share(limiter: Limiter) -> None:
    for _ in range(11):
        limiter.take("a")

    assert limiter.take("b").allowed


def test_looking_costs_nothing_and_charging_goes_beyond_the_burst(limiter: Limiter, clock: Clock) -> None:
    assert all(limiter.peek("a").allowed for _ in range(100))
    for _ in range(20):
        limiter.charge("a")
    assert limiter.peek("a").retry_after == pytest.approx(5.5)

    clock.at += 5.5
    assert limiter.peek("a").allowed


def test_memory_is_bounded_and_the_busy_are_remembered(clock: Clock) -> None:
    limiter = Limiter(Policy("test", rate=1.0, burst=1), clock=clock, capacity=10)
    limiter.take("busy")
    for number in range(100):
        limiter.take(number)
        limiter.charge("busy")

    assert not limiter.peek("busy").allowed
    assert limiter.peek(0).allowed


async def test_in_production_an_address_is_limited_and_told_so(open_door: OpenDoor, behind: Behind) -> None:
    door = await open_production(open_door, behind, ip_rate=0.01, ip_burst=5)
    answers = [await door.client.get("/api/v1/products") for _ in range(6)]

    # Waiting for readiness took some of the burst.
    assert answers[-1].status_code == 429
    assert answers[-1].json()["code"] == "rate_limited"
    assert int(answers[-1].headers["retry-after"]) > 50
    assert answers[-1].headers["ratelimit-limit"] == "5"
    assert answers[-1].headers["ratelimit-remaining"] == "0"
    assert answers[0].headers["ratelimit-policy"] == '"ip";q=5;w=500'
    assert answers[0].headers["ratelimit"].startswith('"ip";r=')


async def test_a_credential_is_limited_wherever_it_is_used(
    open_door: OpenDoor, behind: Behind, tokens: TestIssuer
) -> None:
    door = await open_production(open_door, behind, credential_rate=0.01, credential_burst=2)
    mine, other = tokens.bearer(), tokens.bearer()
    statuses = [(await door.client.get("/api/v1/orders", headers=mine)).status_code for _ in range(3)]

    assert statuses == [200, 200, 429]
    assert (await door.client.get("/api/v1/orders", headers=other)).status_code == 200


async def test_writes_are_limited_per_caller_and_reads_are_not_counted_with_them(
    open_door: OpenDoor, behind: Behind, tokens: TestIssuer
) -> None:
    door = await open_production(open_door, behind, write_rate=0.01, write_burst=2)
    mine, other = tokens.bearer(), tokens.bearer()
    for _ in range(5):
        assert (await door.client.get("/api/v1/orders", headers=mine)).status_code == 200
    writes = [await door.client.post("/api/v1/orders", headers=mine) for _ in range(3)]

    assert [answer.status_code for answer in writes] == [200, 200, 429]
    assert writes[-1].headers["ratelimit-policy"] == '"write";q=2;w=200'
    assert writes[-1].headers["ratelimit-limit"] == "2"
    assert (await door.client.post("/api/v1/orders", headers=other)).status_code == 200
    assert {(await door.client.post("/api/v1/enquiries")).status_code for _ in range(3)} == {200, 429}
    assert {(await door.client.post("/api/v1/webhooks/polar")).status_code for _ in range(5)} == {200}


async def test_in_local_mode_loopback_is_free_except_for_failed_sign_ins(open_door: OpenDoor, behind: Behind) -> None:
    door = await open_door(ip_rate=0.01, ip_burst=1, sign_in_rate=0.01, sign_in_burst=3)
    assert {(await door.client.get("/api/v1/products")).status_code for _ in range(10)} == {200}

    async def refuse(seen: Seen) -> None:
        await seen.answer(401)

    assert {(await door.client.post(LOGIN)).status_code for _ in range(10)} == {200}
    behind.scripts[LOGIN] = refuse
    assert [(await door.client.post(LOGIN)).status_code for _ in range(4)] == [401, 401, 401, 429]
    # Nor does another way to write the same path help.
    assert (await door.client.post("/api/v1/auth/%6Cogin/")).status_code == 429
    assert (await door.client.get("/api/v1/products")).status_code == 200


async def open_production(open_door: OpenDoor, behind: Behind, **limits: float | str) -> Door:
    given = {"mode": "production", "amqp_url": "amqp://broker/", "issuer": "https://dukan.local", "audience": "dukan"}
    return await open_door(**given, **limits)
