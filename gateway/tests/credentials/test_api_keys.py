"""API keys: services get a short token in their place, and a revoked key is rejected at once."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from fake_upstream import FakeUpstream, ReceivedRequest
from gateway_harness import API_KEY, OpenGateway, RunningGateway, api_key_headers

from common import clock
from common.contracts.auth import SessionRevoked
from common.ids import new_id
from common.testing import TestIssuer, eventually
from gateway.credentials.api_keys import PATH

ORDERS = "/api/v1/orders"


@dataclass
class Auth:
    """A fake auth; `error` rejects the key, `calls` are the exchanges."""

    tokens: TestIssuer
    session_id: UUID = field(default_factory=new_id)
    uses: int | None = None
    bound: bool = False
    seconds: int = 300
    error: tuple[int, str] | None = None
    calls: list[ReceivedRequest] = field(default_factory=list)

    async def respond(self, request: ReceivedRequest) -> None:
        self.calls.append(request)
        await request.read_body()
        if self.error is not None:
            status, code = self.error
            body: dict[str, Any] = {"status": "error", "message": "No", "code": code}
            await request.respond(status, json.dumps(body).encode(), ("retry-after", "77"))
            return
        token = self.tokens.token(sid=str(self.session_id), scope="read")
        data = {"access_token": token, "expires_in": self.seconds, "uses": self.uses, "bound": self.bound}
        await request.respond(200, json.dumps({"data": data}).encode())


@pytest.fixture
def auth(upstream: FakeUpstream, tokens: TestIssuer) -> Auth:
    auth = Auth(tokens)
    upstream.scripts[PATH] = auth.respond
    return auth


@pytest.fixture
def forwarded(upstream: FakeUpstream) -> Callable[[], list[str | None]]:
    """The credentials that reached a service."""
    return lambda: [request.header("authorization") for request in upstream.requests if request.target == ORDERS]


Forwarded = Callable[[], list[str | None]]


async def test_a_service_gets_a_token_and_never_the_key(
    gateway: RunningGateway, auth: Auth, upstream: FakeUpstream, forwarded: Forwarded
) -> None:
    for _ in range(3):
        assert (await gateway.client.get(ORDERS, headers=api_key_headers())).status_code == 200

    [exchange] = auth.calls
    assert json.loads(exchange.body) == {"key": API_KEY}
    assert all(value is not None and value.startswith("Bearer ey") for value in forwarded())
    assert not [
        request for request in upstream.requests if request.target == ORDERS and API_KEY in str(request.headers)
    ]


async def test_concurrent_requests_with_one_key_share_one_exchange(gateway: RunningGateway, auth: Auth) -> None:
    responses = await asyncio.gather(*(gateway.client.get(ORDERS, headers=api_key_headers()) for _ in range(30)))

    assert {response.status_code for response in responses} == {200}
    assert len(auth.calls) == 1


@pytest.mark.parametrize(
    "key", [API_KEY[:-1], API_KEY + "s", API_KEY.upper(), "dk_", "", "x" * 4000, API_KEY.replace("s", "=", 1)]
)
async def test_a_malformed_key_does_not_reach_auth(
    gateway: RunningGateway, auth: Auth, forwarded: Forwarded, key: str
) -> None:
    response = await gateway.client.get(ORDERS, headers={"Authorization": f"ApiKey {key}".strip()})

    assert (response.status_code, response.json()["code"]) == (401, "api_key_invalid")
    assert (auth.calls, forwarded()) == ([], [])


@pytest.mark.parametrize(
    ("error", "retry_after"),
    [
        ((401, "api_key_revoked"), None),
        ((401, "api_key_expired"), None),
        ((403, "api_key_address"), None),
        ((429, "daily_limit_reached"), "77"),
    ],
)
async def test_an_error_of_auth_is_relayed_and_cached_for_a_moment(
    gateway: RunningGateway, auth: Auth, forwarded: Forwarded, error: tuple[int, str], retry_after: str | None
) -> None:
    auth.error = error
    for _ in range(3):
        response = await gateway.client.get(ORDERS, headers=api_key_headers())
        assert (response.status_code, response.json()["code"]) == error
        assert response.headers.get("retry-after") == retry_after

    assert (len(auth.calls), forwarded()) == (1, [])


async def test_a_rejected_key_is_exchanged_again_when_the_cached_error_expires(
    gateway: RunningGateway, auth: Auth, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.credentials.api_keys.ERROR_TTL_SECONDS", 0.5)
    auth.error = (401, "api_key_invalid")
    assert (await gateway.client.get(ORDERS, headers=api_key_headers())).status_code == 401
    auth.error = None

    async def accepted() -> bool:
        return (await gateway.client.get(ORDERS, headers=api_key_headers())).status_code == 200

    await eventually(accepted)


async def test_a_revoked_key_is_rejected_as_soon_as_the_event_arrives(
    gateway: RunningGateway, auth: Auth, forwarded: Forwarded
) -> None:
    assert (await gateway.client.get(ORDERS, headers=api_key_headers())).status_code == 200

    ends = clock.now() + timedelta(minutes=5)
    auth.error = (401, "api_key_revoked")
    gateway.transport.tell(
        SessionRevoked(session_id=auth.session_id, user_id=new_id(), expires_at=ends, reason="api_key_revoked")
    )

    response = await gateway.client.get(ORDERS, headers=api_key_headers())
    assert (response.status_code, response.json()["code"]) == (401, "api_key_revoked")
    assert len(forwarded()) == 1


async def test_a_valid_key_gets_a_new_token_when_its_session_ends(
    gateway: RunningGateway, auth: Auth, forwarded: Forwarded
) -> None:
    assert (await gateway.client.get(ORDERS, headers=api_key_headers())).status_code == 200
    ends = clock.now() + timedelta(minutes=5)
    ended, auth.session_id = auth.session_id, new_id()
    gateway.transport.tell(SessionRevoked(session_id=ended, user_id=new_id(), expires_at=ends, reason="logout_all"))

    assert (await gateway.client.get(ORDERS, headers=api_key_headers())).status_code == 200
    assert len(set(forwarded())) == 2


async def test_a_leased_token_is_used_no_more_often_than_its_lease_allows(gateway: RunningGateway, auth: Auth) -> None:
    auth.uses = 2
    responses = await asyncio.gather(*(gateway.client.get(ORDERS, headers=api_key_headers()) for _ in range(7)))

    assert {response.status_code for response in responses} == {200}
    assert len(auth.calls) == 4


async def test_a_key_without_another_lease_is_rejected_when_its_lease_is_spent(
    gateway: RunningGateway, auth: Auth
) -> None:
    auth.uses = 1
    assert (await gateway.client.get(ORDERS, headers=api_key_headers())).status_code == 200
    auth.error = (429, "daily_limit_reached")

    for _ in range(2):
        response = await gateway.client.get(ORDERS, headers=api_key_headers())
        assert (response.status_code, response.json()["code"]) == auth.error


async def test_a_key_bound_to_addresses_is_exchanged_once_per_address(open_gateway: OpenGateway, auth: Auth) -> None:
    gateway = await open_gateway(trusted_proxies=["127.0.0.0/8"])
    auth.bound = True
    for address in ("203.0.113.1", "203.0.113.1", "203.0.113.2"):
        headers = api_key_headers() | {"X-Forwarded-For": address}
        assert (await gateway.client.get(ORDERS, headers=headers)).status_code == 200

    addresses = [request.header("x-forwarded-for") for request in auth.calls]
    assert addresses == ["203.0.113.1", "203.0.113.2"]


async def test_a_token_is_not_used_after_its_expiry(gateway: RunningGateway, auth: Auth) -> None:
    auth.seconds = 0
    asking = asyncio.create_task(gateway.client.get(ORDERS, headers=api_key_headers()))

    async def was_called_again() -> bool:
        return len(auth.calls) >= 2

    await eventually(was_called_again)
    auth.seconds = 300
    assert (await asking).status_code == 200


@pytest.mark.parametrize("status", [500, 404])
async def test_without_auth_a_key_gets_503_and_is_not_cached(
    gateway: RunningGateway, auth: Auth, forwarded: Forwarded, status: int
) -> None:
    auth.error = (status, "internal_error")
    response = await gateway.client.get(ORDERS, headers=api_key_headers())
    assert (response.status_code, response.json()["code"]) == (503, "identity_unavailable")
    assert response.headers["retry-after"] == "1"

    auth.error = None
    assert (await gateway.client.get(ORDERS, headers=api_key_headers())).status_code == 200
    assert len(forwarded()) == 1


async def test_a_client_that_disconnects_does_not_cancel_the_shared_exchange(
    gateway: RunningGateway, upstream: FakeUpstream, auth: Auth
) -> None:
    reached, proceed = asyncio.Event(), asyncio.Event()

    async def slowly(request: ReceivedRequest) -> None:
        reached.set()
        await proceed.wait()
        await auth.respond(request)

    upstream.scripts[PATH] = slowly
    leaving = asyncio.create_task(gateway.client.get(ORDERS, headers=api_key_headers()))
    await reached.wait()
    staying = asyncio.create_task(gateway.client.get(ORDERS, headers=api_key_headers()))
    leaving.cancel()
    proceed.set()

    assert (await staying).status_code == 200
    assert len(auth.calls) == 1


async def test_the_internal_exchange_endpoint_is_not_routed(gateway: RunningGateway, auth: Auth) -> None:
    for path in (PATH, f"/api/v1{PATH}"):
        assert (await gateway.client.post(path, json={"key": API_KEY})).status_code == 404
    assert auth.calls == []
