"""Starting, readiness, jobs and listeners of one process."""

import asyncio
from collections.abc import Iterator
from typing import Any, Never

import httpx
import pytest
from httpx import AsyncClient

from common.clock import now
from common.contracts.auth import SessionRevoked
from common.ids import new_id
from common.jobs import Job
from common.persistence.database import Database
from common.security.key_set import KeySet
from common.security.revocations import RevocationList
from common.security.tokens import TokenVerifier
from common.testing import RecordingTransport, TestIssuer, eventually, run_service
from common.testing.plugin import ClientFor
from common.web.service import Listener, Service


async def _unreachable() -> Never:
    raise httpx.ConnectError("auth is away")


async def test_a_service_is_ready_once_keys_and_revocations_are_loaded(client: AsyncClient) -> None:
    async def ready() -> Any:
        return (await client.get("/health/ready")).json()["data"]

    assert await eventually(ready) == {"accepting": True, "database": True, "tasks": True, "identity": True}


async def test_a_service_that_cannot_verify_tokens_is_live_but_not_ready(
    client_for: ClientFor, service: Service
) -> None:
    service.verifier = TokenVerifier(KeySet(_unreachable), RevocationList(_unreachable), issuer="i", audience="a")
    client = await client_for(service)
    answer = await client.get("/health/ready")
    assert answer.status_code == 503
    assert answer.json()["errors"][0]["detail"] == {
        "accepting": True,
        "database": True,
        "tasks": True,
        "identity": False,
    }
    assert (await client.get("/health/live")).status_code == 200


async def test_without_the_broker_a_service_is_ready_answers_and_is_degraded(
    client: AsyncClient, transport: RecordingTransport
) -> None:
    transport.connected = False
    assert (await client.get("/health/ready")).status_code == 200
    assert (await client.post("/api/v1/baskets", json={"items": [], "note": "x"})).json()["data"] == "x"
    health = await client.get("/health")
    assert (health.status_code, health.json()["data"]["status"]) == (200, "degraded")
    assert health.json()["data"]["checks"]["broker"] is False
    transport.connected = True
    assert (await client.get("/health")).json()["data"]["status"] == "up"


async def test_a_worker_is_ready_without_the_broker(
    client_for: ClientFor, service: Service, transport: RecordingTransport
) -> None:
    client = await client_for(service, role="worker")
    transport.connected = False
    assert (await client.get("/health/ready")).status_code == 200
    assert (await client.get("/health")).json()["data"]["status"] == "degraded"


async def test_a_service_that_is_told_to_stop_answers_and_is_not_ready(client: AsyncClient, service: Service) -> None:
    service.drain.begin()
    answer = await client.get("/health/ready")
    assert (answer.status_code, answer.json()["errors"][0]["detail"]["accepting"]) == (503, False)
    assert (await client.get("/health/live")).status_code == 200
    assert (await client.get("/api/v1/greeting")).status_code == 200


async def test_without_the_database_a_service_is_not_ready(client: AsyncClient, service: Service) -> None:
    service.database._engine = Database("postgresql://nobody:x@127.0.0.1:1/none")._engine
    detail = (await client.get("/health/ready")).json()["errors"][0]["detail"]
    assert detail["database"] is False
    assert (await client.get("/health")).status_code == 503
    outage = await client.post("/api/v1/baskets", json={"items": []})
    assert (outage.status_code, outage.json()["code"]) == (503, "unavailable")


async def test_a_worker_runs_jobs_and_serves_no_api(client_for: ClientFor, service: Service) -> None:
    ran = asyncio.Event()

    async def run() -> None:
        ran.set()

    service.jobs = [Job("once", 60, run)]
    client = await client_for(service, role="worker")
    await asyncio.wait_for(ran.wait(), 5)
    assert (await client.get("/api/v1/greeting")).status_code == 404
    assert (await client.get("/health/ready")).status_code == 200


async def test_a_job_survives_failures_repeats_while_busy_and_can_be_woken(
    client_for: ClientFor, service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    outcomes: Iterator[int | Exception] = iter([RuntimeError("first"), 2, 1, 0, 0])
    left = [5]

    async def run() -> int:
        left[0] -= 1
        outcome = next(outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def done(count: int) -> bool:
        return left[0] == count

    job = Job("flaky", 3600, run)
    service.jobs = [job]
    await client_for(service, role="worker")
    await eventually(lambda: done(1))
    job.wake()
    await eventually(lambda: done(0))
    assert "job flaky failed" in caplog.text


async def test_a_revoked_session_is_rejected_from_the_event_on(
    client: AsyncClient, tokens: TestIssuer, transport: RecordingTransport
) -> None:
    session = new_id()
    headers = tokens.bearer(sid=str(session))
    assert (await client.get("/api/v1/me", headers=headers)).status_code == 200
    revoked = SessionRevoked(session_id=session, user_id=new_id(), expires_at=now(), reason="logout")
    transport.tell(revoked)
    answer = await client.get("/api/v1/me", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "session_revoked")
    assert (await client.get("/api/v1/me", headers=tokens.bearer())).status_code == 200


async def test_a_failing_listener_affects_no_other(
    client_for: ClientFor, service: Service, transport: RecordingTransport, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[str] = []
    service.listeners = [
        Listener([SessionRevoked], lambda _: 1 / 0),
        Listener([SessionRevoked], lambda event: heard.append(event.reason)),
    ]
    await client_for(service)
    transport.tell(SessionRevoked(session_id=new_id(), user_id=new_id(), expires_at=now(), reason="logout"))
    assert heard == ["logout"]
    assert "a listener failed" in caplog.text


async def test_resources_are_exited_in_reverse_even_if_a_later_one_fails(
    service: Service, transport: RecordingTransport, tokens: TestIssuer
) -> None:
    seen: list[str] = []

    class Resource:
        def __init__(self, name: str, *, fails: bool = False) -> None:
            self.name, self.fails = name, fails

        async def __aenter__(self) -> None:
            if self.fails:
                raise OSError(self.name)
            seen.append(f"+{self.name}")

        async def __aexit__(self, *_: object) -> None:
            seen.append(f"-{self.name}")

    service.resources = [Resource("a"), Resource("b"), Resource("c", fails=True)]
    with pytest.raises(OSError, match="c"):
        async with run_service(service, transport, tokens.verifier()):
            pass
    assert seen == ["+a", "+b", "-b", "-a"]
