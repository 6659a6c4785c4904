"""Nothing is lost when a process is killed: kill -9 in the middle of a hundred checkouts."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from common.testing import eventually
from common.testing.plugin import amqp_url_of
from dukan.services import GATEWAY, SERVICES
from tests.e2e.platform import Platform, run_platform

from .faults import pid_of
from .invariants import check_invariants, violations
from .workload import prepare_traffic, query_all_orders

CHECKOUTS = 100
RATE = 30
REST_SECONDS = 90


async def survive(platform: Platform, inject: Callable[[], Awaitable[None]]) -> None:
    """Inject the fault in the middle of the traffic; afterwards everything completes and every invariant holds."""
    traffic = await prepare_traffic(platform, Random(1), RATE)
    ledger = traffic.ledger
    streaming = asyncio.create_task(traffic.run(CHECKOUTS))

    async def in_the_middle() -> bool:
        return len(ledger.placed) >= CHECKOUTS // 3

    await eventually(in_the_middle, within=REST_SECONDS)
    await inject()
    await streaming
    await traffic.finish(REST_SECONDS)
    assert len(ledger.placed) == CHECKOUTS

    async def found() -> list[str]:
        await query_all_orders(ledger, traffic.customers)
        return violations(await check_invariants(platform, ledger, None, ()))

    async def at_rest() -> bool:
        return not await found()

    try:
        await eventually(at_rest, within=REST_SECONDS)
    except AssertionError:
        raise AssertionError("\n".join(await found())) from None


@pytest.mark.timeout(300)
async def test_the_embedded_platform_is_killed_during_checkouts(tmp_path: Path) -> None:
    async with run_platform(tmp_path / "data", None) as platform:

        async def inject() -> None:
            await platform.kill()
            await platform.start()

        await survive(platform, inject)


@pytest.fixture(scope="module")
async def processes(tmp_path_factory: pytest.TempPathFactory) -> Any:
    # Not the worker's virtual host: the platform of the end-to-end tests may run there until the session ends.
    async with run_platform(tmp_path_factory.mktemp("chaos") / "data", amqp_url_of("test-kill")) as platform:
        yield platform


@pytest.mark.broker
@pytest.mark.timeout(300)
@pytest.mark.parametrize("service", [*SERVICES, GATEWAY])
async def test_one_service_is_killed_during_checkouts(processes: Platform, service: str) -> None:
    async def inject() -> None:
        pid = pid_of(processes, service)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)

    await survive(processes, inject)
