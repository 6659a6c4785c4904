"""What no service of ours would send, put on the bus of a platform at work: each fault checks what came of it.

`poison-crashes` is left to `dukan chaos`: its half minute of restarts proves no more than the bus' own tests do.
"""

import asyncio
from collections.abc import AsyncIterator
from random import Random

import pytest

from common.testing import eventually
from tests.chaos.faults import Fault, Stage
from tests.chaos.hostile import HOSTILE_FAULTS, Crashes
from tests.chaos.market import open_market
from tests.chaos.provider_faults import PROVIDER_FAULTS
from tests.chaos.stage import opened

RATE = 3
FAULTS = [*(fault for fault in HOSTILE_FAULTS if not isinstance(fault, Crashes)), *PROVIDER_FAULTS]


@pytest.fixture(scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """With customers, of whom some have cancelled already."""
    async with opened(tmp_path_factory.mktemp("hostile")) as stage:
        traffic = await open_market(stage.shop, Random(1), RATE)
        load = asyncio.create_task(traffic.run())
        cancelled = "SELECT 1 FROM orders WHERE status = 'cancelled'"
        await eventually(lambda: stage.sql("orders", cancelled), within=60)
        yield stage
        load.cancel()
        await asyncio.gather(load, return_exceptions=True)
        await traffic.finish(30)


@pytest.mark.broker
@pytest.mark.timeout(300)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
async def test_it_ends_as_promised(stage: Stage, fault: Fault) -> None:
    await fault.strike(stage, Random(1))
