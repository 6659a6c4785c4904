"""The request log."""

import asyncio
import json
from typing import Any

import pytest
from fake_upstream import FakeUpstream
from gateway_harness import RunningGateway

from common.contracts.gateway import RequestsLogged
from common.ids import new_id
from common.testing import TestIssuer, eventually


async def test_requests_are_logged_without_secrets(
    gateway: RunningGateway, upstream: FakeUpstream, tokens: TestIssuer
) -> None:
    user_id = new_id()
    token = "t" * 60
    path = f"/api/v1/emails/{token}?code=secret"
    await gateway.client.get(path, headers=tokens.bearer(user_id) | {"User-Agent": "shop/1"})
    await eventually(lambda: _entries(gateway, "shop/1"))

    (entry,) = await _entries(gateway, "shop/1")
    assert (entry["method"], entry["path"], entry["status"]) == ("GET", "/api/v1/emails/***", 200)
    assert (entry["service"], entry["user_id"], entry["ip"]) == ("notifications", str(user_id), "127.0.0.1")
    assert entry["request_id"] == upstream.requests[0].header("x-request-id")


async def test_nul_is_removed_from_logged_paths(gateway: RunningGateway) -> None:
    """PostgreSQL rejects NUL: one such path would lose its whole batch, and could hide other requests."""
    await gateway.client.get("/api/v1/products/%00", headers={"User-Agent": "hider/1"})
    (entry,) = await eventually(lambda: _entries(gateway, "hider/1"))
    assert entry["path"] == "/api/v1/products/\ufffd"


async def test_the_request_log_is_buffered_while_the_bus_is_unavailable(
    gateway: RunningGateway, upstream: FakeUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    rejected = asyncio.Event()

    async def fail(_: object) -> None:
        rejected.set()
        raise ConnectionError("no broker")

    with monkeypatch.context() as patch:
        patch.setattr(gateway.transport, "publish", fail)
        await gateway.client.get("/api/v1/products", headers={"User-Agent": "patient/1"})
        await asyncio.wait_for(rejected.wait(), 5)

    assert len(await eventually(lambda: _entries(gateway, "patient/1"))) == 1


async def _entries(gateway: RunningGateway, agent: str) -> list[dict[str, Any]]:
    batches = [e.data for e in gateway.transport.published if e.type == RequestsLogged.type]
    listed = [entry for batch in batches for entry in json.loads(batch)["requests"]]
    return [entry for entry in listed if entry["user_agent"] == agent]
