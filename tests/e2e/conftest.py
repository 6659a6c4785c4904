"""Platforms for the end-to-end tests: embedded, and one process per service over RabbitMQ."""

from collections.abc import AsyncIterator

import pytest

from .platform import Platform, amqp_url, platform

MODES = [
    pytest.param("embedded", marks=pytest.mark.xdist_group("platform-embedded")),
    pytest.param("processes", marks=[pytest.mark.broker, pytest.mark.xdist_group("dead-letters")]),
]


@pytest.fixture(scope="package", params=MODES)
async def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Platform]:
    """One running platform per mode for all tests that leave it usable."""
    data = tmp_path_factory.mktemp(f"platform-{request.param}") / "data"
    async with platform(data, amqp_url() if request.param == "processes" else None) as running:
        yield running
