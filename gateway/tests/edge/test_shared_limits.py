"""Limits that several gateways share, and what becomes of them while nobody can count them."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from common.errors import Unavailable
from common.testing import TestIssuer, eventually
from gateway.limits import Policy
from gateway.redis import Script
from gateway.shared_limits import CHARGE, GCRA, PEEK, TAKE, Count, SharedLimits

from .behind import Behind, Seen
from .conftest import Door, OpenDoor
from .redis_server import free_port, redis_on
from .test_limits import LOGIN, open_production

ORDERS = "/api/v1/orders"
SLOW = Policy("slow", rate=0.01, burst=3)
WIDE = Policy("wide", rate=0.01, burst=1000)


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests are about counting; a machine that is busy with others answers late."""
    monkeypatch.setattr("gateway.redis.PATIENCE", 5.0)


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
async def script(port: int) -> AsyncIterator[Script]:
    script = Script(f"redis://127.0.0.1:{port}", GCRA)
    connecting = asyncio.create_task(script.keep_connected())
    yield script
    connecting.cancel()
    await asyncio.gather(connecting, return_exceptions=True)


async def test_the_script_counts_as_the_limiter_does(script: Script, port: int) -> None:
    limits = SharedLimits(script, ())
    take, wide, peek = Count(SLOW, "a", TAKE), Count(WIDE, "a", TAKE), Count(SLOW, "b", PEEK)
    async with redis_on(port):
        await eventually(lambda: _connected(script))
        verdicts = [await limits.ask([wide, take]) for _ in range(4)]
        assert [(v.allowed, v.remaining) for v in verdicts if v] == [(True, 2), (True, 1), (True, 0), (False, 0)]
        refused = verdicts[-1]
        assert refused is not None
        assert refused.policy == SLOW
        assert 98 < refused.retry_after <= 100

        # What is refused by one limit is counted by none.
        for _ in range(20):
            await limits.ask([wide, take])
        verdict = await limits.ask([wide])
        assert verdict is not None
        assert (verdict.allowed, verdict.remaining) == (True, 996)

        for _ in range(5):
            assert (looked := await limits.ask([peek])) is not None
            assert looked.allowed
        for _ in range(5):
            await limits.ask([Count(SLOW, "b", CHARGE)])
        assert (looked := await limits.ask([peek])) is not None
        assert not looked.allowed
        assert 295 < looked.retry_after <= 300


async def test_two_gateways_count_together(open_door: OpenDoor, behind: Behind, tokens: TestIssuer, port: int) -> None:
    limits: dict[str, float | str] = {
        "redis_url": f"redis://127.0.0.1:{port}/1",
        "credential_rate": 0.01,
        "credential_burst": 4,
    }
    mine, other = tokens.bearer(), tokens.bearer()
    async with redis_on(port):
        one, two = [await open_production(open_door, behind, **limits) for _ in range(2)]
        await eventually(lambda: _count_together(one, two, tokens))
        answers = [await door.client.get(ORDERS, headers=mine) for door in (one, two, one, two, one, two)]

        assert [answer.status_code for answer in answers] == [200] * 4 + [429] * 2
        assert answers[3].headers["ratelimit"] == '"credential";r=0;t=400'
        assert 90 < int(answers[5].headers["retry-after"]) <= 100
        assert (await two.client.get(ORDERS, headers=other)).status_code == 200


async def test_failed_sign_ins_count_at_every_gateway(
    open_door: OpenDoor, behind: Behind, tokens: TestIssuer, port: int
) -> None:
    async def refuse(seen: Seen) -> None:
        await seen.answer(401)

    behind.scripts[LOGIN] = refuse
    limits: dict[str, float | str] = {
        "redis_url": f"redis://127.0.0.1:{port}",
        "sign_in_rate": 0.01,
        "sign_in_burst": 3,
    }
    async with redis_on(port):
        one, two = [await open_production(open_door, behind, **limits) for _ in range(2)]
        await eventually(lambda: _count_together(one, two, tokens))
        assert {(await one.client.post(LOGIN)).status_code for _ in range(3)} == {401}

        assert (await two.client.post(LOGIN)).status_code == 429


async def test_while_nobody_can_count_each_counts_for_itself(
    open_door: OpenDoor, behind: Behind, tokens: TestIssuer, port: int
) -> None:
    limits: dict[str, float | str] = {
        "redis_url": f"redis://127.0.0.1:{port}",
        "credential_rate": 0.01,
        "credential_burst": 2,
    }
    door = await open_production(open_door, behind, **limits)
    mine = tokens.bearer()

    assert [(await door.client.get(ORDERS, headers=mine)).status_code for _ in range(3)] == [200, 200, 429]


async def test_a_limit_that_is_closed_lets_nobody_in_meanwhile(
    open_door: OpenDoor, behind: Behind, tokens: TestIssuer, port: int
) -> None:
    door = await open_production(
        open_door, behind, redis_url=f"redis://127.0.0.1:{port}", limits_closed="write, sign-in"
    )
    write = await door.client.post(ORDERS, headers=tokens.bearer())

    assert (write.status_code, write.json()["code"]) == (503, "limits_unavailable")
    assert write.headers["retry-after"] == "1"
    assert (await door.client.post(LOGIN)).status_code == 503
    assert (await door.client.get(ORDERS)).status_code == 200


async def test_one_that_does_not_answer_is_not_waited_for_and_is_met_again(
    script: Script, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.redis.PATIENCE", 0.05)
    limits = SharedLimits(script, ["slow"])
    silent = await asyncio.start_server(_load_and_hang, "127.0.0.1", port)
    await eventually(lambda: _connected(script))
    assert await limits.ask([Count(WIDE, "a", TAKE)]) is None
    with pytest.raises(Unavailable):
        await limits.ask([Count(SLOW, "a", TAKE)])
    silent.close()
    monkeypatch.setattr("gateway.redis.PATIENCE", 5.0)

    async with redis_on(port):
        await eventually(lambda: _connected(script))
        assert await limits.ask([Count(SLOW, "a", TAKE)]) is not None


@pytest.mark.parametrize("url", ["http://cache/", "redis:///1", "cache:6379"])
def test_a_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="DUKAN_REDIS_URL"):
        Script(url, GCRA)


async def _count_together(one: Door, two: Door, tokens: TestIssuer) -> bool:
    anybody = tokens.bearer()
    left = [(await door.client.get(ORDERS, headers=anybody)).headers["ratelimit"].split(";")[1] for door in (one, two)]
    return int(left[0][2:]) - 1 == int(left[1][2:])


async def _load_and_hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"$3\r\nsha\r\n")
    await reader.read(-1)
    writer.close()


async def _connected(script: Script) -> bool:
    return script.connected
