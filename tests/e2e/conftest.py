"""Platforms for the end-to-end tests: embedded, and one process per service over RabbitMQ."""

import os
from collections.abc import AsyncIterator

import pytest

from .platform import Platform, amqp_url, run_platform

MODES = [
    "embedded",
    pytest.param("processes", marks=pytest.mark.broker),
]


# Tests of an exposed platform send wrong credentials and act as slow clients.
EXPOSED = {
    "DUKAN_SIGN_IN_RATE": "1000",
    "DUKAN_SIGN_IN_BURST": "100000",
    "DUKAN_SIGN_IN_FAILURES_PER_MINUTE": "100000",
    "DUKAN_CLIENT_IDLE_TIMEOUT": "2",
}


@pytest.fixture(scope="session")
async def exposed(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Platform]:
    """An embedded platform for tests that attack it."""
    under_test = Platform(tmp_path_factory.mktemp("exposed") / "data", None, env=os.environ | EXPOSED)
    try:
        await under_test.start()
        yield under_test
    finally:
        await under_test.stop()


@pytest.fixture(scope="session", params=MODES)
async def platform(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Platform]:
    """One running platform per mode, for all tests that leave it usable."""
    data = tmp_path_factory.mktemp(f"platform-{request.param}") / "data"
    async with run_platform(data, amqp_url() if request.param == "processes" else None) as running:
        yield running
