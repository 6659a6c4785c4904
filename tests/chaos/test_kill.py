"""Nothing is lost when anything is killed: kill -9 in the middle of a hundred checkouts, then count."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from common.testing import eventually
from dukan.services import GATEWAY, SERVICES
from tests.e2e.platform import Platform, amqp_url, platform

from .faults import serving
from .invariants import breaches, verdicts
from .market import ask_all, open_market

CHECKOUTS = 100
RATE = 30
REST_SECONDS = 90


async def survive(shop: Platform, strike: Callable[[], Awaitable[None]]) -> None:
    """Strike in the middle of the stream; afterwards everything ends and every invariant holds."""
    traffic = await open_market(shop, Random(1), RATE)
    ledger = traffic.ledger
    streaming = asyncio.create_task(traffic.run(CHECKOUTS))

    async def in_the_middle() -> bool:
        return len(ledger.placed) >= CHECKOUTS // 3

    await eventually(in_the_middle, within=REST_SECONDS)
    await strike()
    await streaming
    await traffic.finish(REST_SECONDS)
    assert len(ledger.placed) == CHECKOUTS

    async def found() -> list[str]:
        await ask_all(ledger, traffic.shoppers)
        return breaches(await verdicts(shop, ledger, None, ()))

    async def at_rest() -> bool:
        return not await found()

    try:
        await eventually(at_rest, within=REST_SECONDS)
    except AssertionError:
        raise AssertionError("\n".join(await found())) from None


@pytest.mark.timeout(300)
@pytest.mark.xdist_group("platform-embedded")
async def test_the_whole_embedded_platform_killed_in_the_middle_of_checkouts(tmp_path: Path) -> None:
    async with platform(tmp_path / "data", None) as shop:

        async def strike() -> None:
            await shop.kill()
            await shop.start()

        await survive(shop, strike)


@pytest.fixture(scope="module")
async def processes(tmp_path_factory: pytest.TempPathFactory) -> Any:
    async with platform(tmp_path_factory.mktemp("chaos") / "data", amqp_url()) as shop:
        yield shop


@pytest.mark.broker
@pytest.mark.timeout(300)
@pytest.mark.xdist_group("dead-letters")
@pytest.mark.parametrize("service", [*SERVICES, GATEWAY])
async def test_one_service_killed_in_the_middle_of_checkouts(processes: Platform, service: str) -> None:
    async def strike() -> None:
        pid = serving(processes, service)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)

    await survive(processes, strike)
