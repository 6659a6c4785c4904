"""Messages that no service sends, published on the bus of a platform under load; each fault checks its own result.

`poison-crashes` is left to `dukan chaos`: its half minute of restarts proves no more than the tests of the bus.
"""

import asyncio
from collections.abc import AsyncIterator
from random import Random

import pytest

from common.testing import eventually
from tests.chaos.environment import run_environment
from tests.chaos.faults import Environment, Fault
from tests.chaos.hostile import HOSTILE_FAULTS, Crashes
from tests.chaos.provider_faults import PROVIDER_FAULTS
from tests.chaos.workload import prepare_traffic

RATE = 3
FAULTS = [*(fault for fault in HOSTILE_FAULTS if not isinstance(fault, Crashes)), *PROVIDER_FAULTS]


@pytest.fixture(scope="module")
async def environment(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Environment]:
    """With customers, some of whom have cancelled already."""
    async with run_environment(tmp_path_factory.mktemp("hostile")) as environment:
        traffic = await prepare_traffic(environment.platform, Random(1), RATE)
        load = asyncio.create_task(traffic.run())
        cancelled = "SELECT 1 FROM orders WHERE status = 'cancelled'"
        await eventually(lambda: environment.sql("orders", cancelled), within=60)
        yield environment
        load.cancel()
        await asyncio.gather(load, return_exceptions=True)
        await traffic.finish(30)


@pytest.mark.broker
@pytest.mark.timeout(300)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
async def test_the_fault_has_its_documented_result(environment: Environment, fault: Fault) -> None:
    await fault.inject(environment, Random(1))
