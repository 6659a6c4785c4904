"""Rate limits: the algorithm on a fake clock, and the responses of a limited client."""

import pytest
from fake_upstream import FakeUpstream, ReceivedRequest
from gateway_harness import LOGIN, FakeClock, OpenGateway, open_production

from common.testing import TestIssuer
from gateway.limits.limiter import Limiter, Policy


@pytest.fixture
def limiter(clock: FakeClock) -> Limiter:
    return Limiter(Policy("test", rate=2.0, burst=10), clock=clock)


def test_a_burst_is_allowed_and_then_the_rate(limiter: Limiter, clock: FakeClock) -> None:
    assert [limiter.take("a").remaining for _ in range(10)] == list(range(9, -1, -1))
    rejected = limiter.take("a")
    assert (rejected.allowed, rejected.remaining) == (False, 0)
    assert rejected.retry_after == pytest.approx(0.5)

    clock.at += 0.5
    assert limiter.take("a").allowed
    assert not limiter.take("a").allowed
    clock.at += 100
    assert [limiter.take("a").allowed for _ in range(11)] == [True] * 10 + [False]


def test_rejected_requests_are_not_counted(limiter: Limiter, clock: FakeClock) -> None:
    for _ in range(1000):
        limiter.take("a")

    clock.at += 5
    assert [limiter.take("a").allowed for _ in range(11)] == [True] * 10 + [False]


def test_over_a_long_time_exactly_the_rate_is_allowed(limiter: Limiter, clock: FakeClock) -> None:
    allowed = 0
    for _ in range(10_000):
        allowed += limiter.take("a").allowed
        clock.at += 0.1

    assert allowed == 10 + 2 * 1000 - 1


def test_keys_are_counted_separately(limiter: Limiter) -> None:
    for _ in range(11):
        limiter.take("a")

    assert limiter.take("b").allowed


def test_peek_is_not_counted_and_charge_goes_beyond_the_burst(limiter: Limiter, clock: FakeClock) -> None:
    assert all(limiter.peek("a").allowed for _ in range(100))
    for _ in range(20):
        limiter.charge("a")
    assert limiter.peek("a").retry_after == pytest.approx(5.5)

    clock.at += 5.5
    assert limiter.peek("a").allowed


def test_the_number_of_keys_is_bounded_and_active_ones_are_kept(clock: FakeClock) -> None:
    limiter = Limiter(Policy("test", rate=1.0, burst=1), clock=clock, max_keys=10)
    limiter.take("busy")
    for number in range(100):
        limiter.take(number)
        limiter.charge("busy")

    assert not limiter.peek("busy").allowed
    assert limiter.peek(0).allowed


async def test_in_production_an_address_is_limited_with_headers(
    open_gateway: OpenGateway, upstream: FakeUpstream
) -> None:
    gateway = await open_production(open_gateway, ip_rate=0.01, ip_burst=5)
    responses = [await gateway.client.get("/api/v1/products") for _ in range(6)]

    # Waiting for readiness took some of the burst.
    assert responses[-1].status_code == 429
    assert responses[-1].json()["code"] == "rate_limited"
    assert int(responses[-1].headers["retry-after"]) > 50
    assert responses[-1].headers["ratelimit-limit"] == "5"
    assert responses[-1].headers["ratelimit-remaining"] == "0"
    assert responses[0].headers["ratelimit-policy"] == '"ip";q=5;w=500'
    assert responses[0].headers["ratelimit"].startswith('"ip";r=')


async def test_a_user_is_limited_across_tokens_and_routes(
    open_gateway: OpenGateway, upstream: FakeUpstream, tokens: TestIssuer
) -> None:
    gateway = await open_production(open_gateway, credential_rate=0.01, credential_burst=2)
    own, other = tokens.bearer(), tokens.bearer()
    statuses = [(await gateway.client.get("/api/v1/orders", headers=own)).status_code for _ in range(3)]

    assert statuses == [200, 200, 429]
    assert (await gateway.client.get("/api/v1/orders", headers=other)).status_code == 200


async def test_writes_are_limited_per_caller_apart_from_reads(
    open_gateway: OpenGateway, upstream: FakeUpstream, tokens: TestIssuer
) -> None:
    gateway = await open_production(open_gateway, write_rate=0.01, write_burst=2)
    own, other = tokens.bearer(), tokens.bearer()
    for _ in range(5):
        assert (await gateway.client.get("/api/v1/orders", headers=own)).status_code == 200
    writes = [await gateway.client.post("/api/v1/orders", headers=own) for _ in range(3)]

    assert [response.status_code for response in writes] == [200, 200, 429]
    assert writes[-1].headers["ratelimit-policy"] == '"write";q=2;w=200'
    assert writes[-1].headers["ratelimit-limit"] == "2"
    assert (await gateway.client.post("/api/v1/orders", headers=other)).status_code == 200
    assert {(await gateway.client.post("/api/v1/orders")).status_code for _ in range(3)} == {200, 429}
    assert {(await gateway.client.post("/api/v1/webhooks/stripe")).status_code for _ in range(5)} == {200}


async def test_in_local_mode_loopback_is_exempt_except_for_failed_sign_ins(
    open_gateway: OpenGateway, upstream: FakeUpstream
) -> None:
    gateway = await open_gateway(ip_rate=0.01, ip_burst=1, sign_in_rate=0.01, sign_in_burst=3)
    assert {(await gateway.client.get("/api/v1/products")).status_code for _ in range(10)} == {200}

    async def reject(request: ReceivedRequest) -> None:
        await request.respond(401)

    assert {(await gateway.client.post(LOGIN)).status_code for _ in range(10)} == {200}
    upstream.scripts[LOGIN] = reject
    assert [(await gateway.client.post(LOGIN)).status_code for _ in range(4)] == [401, 401, 401, 429]
    # Another spelling of the same path counts too.
    assert (await gateway.client.post("/api/v1/auth/%6Cogin/")).status_code == 429
    assert (await gateway.client.get("/api/v1/products")).status_code == 200
