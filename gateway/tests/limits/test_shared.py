"""Limits that several gateways share, and their behaviour while Redis is unavailable."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from fake_upstream import FakeUpstream, ReceivedRequest
from gateway_harness import LOGIN, OpenGateway, RunningGateway, open_production
from redis_server import free_port, redis_on

from common.errors import Unavailable
from common.testing import TestIssuer, eventually
from gateway.limits.limiter import Policy
from gateway.limits.redis_script import RedisScript
from gateway.limits.shared import CHARGE, GCRA, PEEK, TAKE, LimitCheck, SharedLimits

ORDERS = "/api/v1/orders"
SLOW = Policy("slow", rate=0.01, burst=3)
WIDE = Policy("wide", rate=0.01, burst=1000)


@pytest.fixture(autouse=True)
def long_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests are about counting; on a busy machine Redis may respond late."""
    monkeypatch.setattr("gateway.limits.redis_script.RESPONSE_TIMEOUT_SECONDS", 5.0)


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
async def script(port: int) -> AsyncIterator[RedisScript]:
    script = RedisScript(f"redis://127.0.0.1:{port}", GCRA)
    connecting = asyncio.create_task(script.keep_connected())
    yield script
    connecting.cancel()
    await asyncio.gather(connecting, return_exceptions=True)


async def test_the_script_counts_as_the_limiter_does(script: RedisScript, port: int) -> None:
    limits = SharedLimits(script, ())
    take, wide, peek = LimitCheck(SLOW, "a", TAKE), LimitCheck(WIDE, "a", TAKE), LimitCheck(SLOW, "b", PEEK)
    async with redis_on(port):
        await eventually(lambda: _connected(script))
        verdicts = [await limits.check([wide, take]) for _ in range(4)]
        assert [(v.allowed, v.remaining) for v in verdicts if v] == [(True, 2), (True, 1), (True, 0), (False, 0)]
        rejected = verdicts[-1]
        assert rejected is not None
        assert rejected.policy == SLOW
        assert 98 < rejected.retry_after <= 100

        # A request that one limit rejects is counted by none.
        for _ in range(20):
            await limits.check([wide, take])
        verdict = await limits.check([wide])
        assert verdict is not None
        assert (verdict.allowed, verdict.remaining) == (True, 996)

        for _ in range(5):
            assert (peeked := await limits.check([peek])) is not None
            assert peeked.allowed
        for _ in range(5):
            await limits.check([LimitCheck(SLOW, "b", CHARGE)])
        assert (peeked := await limits.check([peek])) is not None
        assert not peeked.allowed
        assert 295 < peeked.retry_after <= 300


async def test_two_gateways_share_limits(
    open_gateway: OpenGateway, upstream: FakeUpstream, tokens: TestIssuer, port: int
) -> None:
    limits: dict[str, float | str] = {
        "redis_url": f"redis://127.0.0.1:{port}/1",
        "credential_rate": 0.01,
        "credential_burst": 4,
    }
    own, other = tokens.bearer(), tokens.bearer()
    async with redis_on(port):
        one, two = [await open_production(open_gateway, **limits) for _ in range(2)]
        await eventually(lambda: _share_counts(one, two, tokens))
        responses = [await gateway.client.get(ORDERS, headers=own) for gateway in (one, two, one, two, one, two)]

        assert [response.status_code for response in responses] == [200] * 4 + [429] * 2
        assert responses[3].headers["ratelimit"] == '"credential";r=0;t=400'
        assert 90 < int(responses[5].headers["retry-after"]) <= 100
        assert (await two.client.get(ORDERS, headers=other)).status_code == 200


async def test_failed_sign_ins_count_at_all_gateways(
    open_gateway: OpenGateway, upstream: FakeUpstream, tokens: TestIssuer, port: int
) -> None:
    async def reject(request: ReceivedRequest) -> None:
        await request.respond(401)

    upstream.scripts[LOGIN] = reject
    limits: dict[str, float | str] = {
        "redis_url": f"redis://127.0.0.1:{port}",
        "sign_in_rate": 0.01,
        "sign_in_burst": 3,
    }
    async with redis_on(port):
        one, two = [await open_production(open_gateway, **limits) for _ in range(2)]
        await eventually(lambda: _share_counts(one, two, tokens))
        assert {(await one.client.post(LOGIN)).status_code for _ in range(3)} == {401}

        assert (await two.client.post(LOGIN)).status_code == 429


async def test_each_gateway_counts_for_itself_without_redis(
    open_gateway: OpenGateway, upstream: FakeUpstream, tokens: TestIssuer, port: int
) -> None:
    limits: dict[str, float | str] = {
        "redis_url": f"redis://127.0.0.1:{port}",
        "credential_rate": 0.01,
        "credential_burst": 2,
    }
    gateway = await open_production(open_gateway, **limits)
    own = tokens.bearer()

    assert [(await gateway.client.get(ORDERS, headers=own)).status_code for _ in range(3)] == [200, 200, 429]


async def test_a_limit_that_fails_closed_rejects_requests_without_redis(
    open_gateway: OpenGateway, upstream: FakeUpstream, tokens: TestIssuer, port: int
) -> None:
    gateway = await open_production(open_gateway, redis_url=f"redis://127.0.0.1:{port}", limits_closed="write, sign-in")
    write = await gateway.client.post(ORDERS, headers=tokens.bearer())

    assert (write.status_code, write.json()["code"]) == (503, "limits_unavailable")
    assert write.headers["retry-after"] == "1"
    assert (await gateway.client.post(LOGIN)).status_code == 503
    assert (await gateway.client.get(ORDERS)).status_code == 200


async def test_a_redis_that_does_not_respond_is_skipped_and_used_again_later(
    script: RedisScript, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.limits.redis_script.RESPONSE_TIMEOUT_SECONDS", 0.05)
    limits = SharedLimits(script, ["slow"])
    silent = await asyncio.start_server(_load_script_and_hang, "127.0.0.1", port)
    await eventually(lambda: _connected(script))
    assert await limits.check([LimitCheck(WIDE, "a", TAKE)]) is None
    with pytest.raises(Unavailable):
        await limits.check([LimitCheck(SLOW, "a", TAKE)])
    silent.close()
    monkeypatch.setattr("gateway.limits.redis_script.RESPONSE_TIMEOUT_SECONDS", 5.0)

    async with redis_on(port):
        await eventually(lambda: _connected(script))
        assert await limits.check([LimitCheck(SLOW, "a", TAKE)]) is not None


async def test_a_redis_that_restarts_is_skipped_and_used_again_later(script: RedisScript, port: int) -> None:
    limits = SharedLimits(script, ())
    async with redis_on(port):
        await eventually(lambda: _connected(script))
        assert await limits.check([LimitCheck(WIDE, "a", TAKE)]) is not None
    assert await limits.check([LimitCheck(WIDE, "a", TAKE)]) is None

    async with redis_on(port):
        await eventually(lambda: _connected(script))
        assert await limits.check([LimitCheck(WIDE, "a", TAKE)]) is not None


@pytest.mark.parametrize("url", ["http://cache/", "redis:///1", "cache:6379"])
def test_a_malformed_url_is_rejected(url: str) -> None:
    with pytest.raises(ValueError, match="DUKAN_REDIS_URL"):
        RedisScript(url, GCRA)


async def _share_counts(one: RunningGateway, two: RunningGateway, tokens: TestIssuer) -> bool:
    headers = tokens.bearer()
    remaining = [
        (await gateway.client.get(ORDERS, headers=headers)).headers["ratelimit"].split(";")[1] for gateway in (one, two)
    ]
    return int(remaining[0][2:]) - 1 == int(remaining[1][2:])


async def _load_script_and_hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"$3\r\nsha\r\n")
    await reader.read(-1)
    writer.close()


async def _connected(script: RedisScript) -> bool:
    return script.connected
