"""Nothing is lost when anything is killed: kill -9 in the middle of a hundred checkouts, then count."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from common.testing import eventually
from dukan.services import GATEWAY, SERVICES
from tests.e2e.platform import Platform, amqp_url, platform

from .invariants import violations
from .load import stream

CHECKOUTS = 100
STOCK = 60
REST_SECONDS = 90


def child_of(shop: Platform, service: str) -> int:
    """The process id of one service under the supervisor."""
    assert shop.process is not None
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            words = (entry / "cmdline").read_bytes().decode().split("\0")
            parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
        if parent == shop.process.pid and "serve" in words and service in words:
            return int(entry.name)
    raise AssertionError(f"{service} does not run")


async def survive(shop: Platform, strike: Callable[[], Awaitable[None]]) -> None:
    """Strike in the middle of the stream; afterwards everything ends and every invariant holds."""
    product = await shop.product(stock=STOCK)
    customer = await shop.customer()
    begun = asyncio.Event()
    streaming = asyncio.create_task(stream(customer, product, CHECKOUTS, begun))
    await begun.wait()
    await strike()
    orders = await streaming
    assert len(set(orders)) == CHECKOUTS
    told = {customer.id: set(orders)}

    async def at_rest() -> bool:
        return not await violations(shop, {product: STOCK}, told)

    try:
        await eventually(at_rest, within=REST_SECONDS)
    except AssertionError:
        raise AssertionError("\n".join(await violations(shop, {product: STOCK}, told))) from None


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
        os.kill(child_of(processes, service), signal.SIGKILL)

    await survive(processes, strike)
