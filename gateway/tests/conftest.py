"""Fixtures of the gateway's tests. The modules of `harness/` are on the path (see pyproject.toml)."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from fake_upstream import FakeUpstream
from gateway_harness import FakeClock, OpenGateway, RunningGateway, run_gateway

from common.testing import RecordingTransport, TestIssuer
from gateway.routing.routes import SERVICES
from gateway.settings import Settings


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def upstream(tokens: TestIssuer) -> AsyncIterator[FakeUpstream]:
    async with FakeUpstream(lambda: {"keys": [tokens.jwk()]}).listening() as upstream:
        yield upstream


@pytest.fixture
async def open_gateway(upstream: FakeUpstream, transport: RecordingTransport) -> AsyncIterator[OpenGateway]:
    """`await open_gateway(max_body_bytes=100, …)`: a gateway with these settings."""
    async with AsyncExitStack() as stack:

        async def start(**settings: Any) -> RunningGateway:
            urls = {f"{service}_url": upstream.url for service in SERVICES}
            return await stack.enter_async_context(run_gateway(Settings.model_validate(urls | settings), transport))

        yield start


@pytest.fixture
async def gateway(open_gateway: OpenGateway) -> RunningGateway:
    return await open_gateway()
