"""API keys at the gateway: services see a short token in their place, and a revoked one opens nothing at once."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from common import clock
from common.contracts.auth import SessionRevoked
from common.ids import new_id
from common.testing import TestIssuer, eventually
from gateway.api_keys import PATH

from .behind import Behind, Seen
from .conftest import Door, OpenDoor

ORDERS = "/api/v1/orders"
KEY = f"dk_{'0' * 16}_{'s' * 43}"


def using(key: str = KEY) -> dict[str, str]:
    return {"Authorization": f"ApiKey {key}"}


@dataclass
class Auth:
    """auth's side: what it says of a key, and how often it was asked."""

    tokens: TestIssuer
    session_id: UUID = field(default_factory=new_id)
    uses: int | None = None
    bound: bool = False
    seconds: int = 300
    refuse: tuple[int, str] | None = None
    asked: list[Seen] = field(default_factory=list)

    async def answer(self, seen: Seen) -> None:
        self.asked.append(seen)
        await seen.read_body()
        if self.refuse is not None:
            status, code = self.refuse
            body: dict[str, Any] = {"status": "error", "message": "No", "code": code}
            await seen.answer(status, json.dumps(body).encode(), ("retry-after", "77"))
            return
        token = self.tokens.token(sid=str(self.session_id), scope="read")
        given = {"access_token": token, "expires_in": self.seconds, "uses": self.uses, "bound": self.bound}
        await seen.answer(200, json.dumps({"data": given}).encode())


@pytest.fixture
def auth(behind: Behind, tokens: TestIssuer) -> Auth:
    auth = Auth(tokens)
    behind.scripts[PATH] = auth.answer
    return auth


@pytest.fixture
def passed(behind: Behind) -> Callable[[], list[str | None]]:
    """The credentials that reached a service."""
    return lambda: [seen.one("authorization") for seen in behind.seen if seen.target == ORDERS]


Passed = Callable[[], list[str | None]]


async def test_a_service_gets_a_token_and_never_the_key(door: Door, auth: Auth, behind: Behind, passed: Passed) -> None:
    for _ in range(3):
        assert (await door.client.get(ORDERS, headers=using())).status_code == 200

    [asked] = auth.asked
    assert json.loads(asked.body) == {"key": KEY}
    assert all(given is not None and given.startswith("Bearer ey") for given in passed())
    assert not [seen for seen in behind.seen if seen.target == ORDERS and KEY in str(seen.headers)]


async def test_many_who_come_at_once_with_one_key_ask_once(door: Door, auth: Auth) -> None:
    answers = await asyncio.gather(*(door.client.get(ORDERS, headers=using()) for _ in range(30)))

    assert {answer.status_code for answer in answers} == {200}
    assert len(auth.asked) == 1


@pytest.mark.parametrize("key", [KEY[:-1], KEY + "s", KEY.upper(), "dk_", "", "x" * 4000, KEY.replace("s", "=", 1)])
async def test_what_is_no_key_does_not_reach_auth(door: Door, auth: Auth, passed: Passed, key: str) -> None:
    answer = await door.client.get(ORDERS, headers={"Authorization": f"ApiKey {key}".strip()})

    assert (answer.status_code, answer.json()["code"]) == (401, "api_key_invalid")
    assert (auth.asked, passed()) == ([], [])


@pytest.mark.parametrize(
    ("refuse", "retry_after"),
    [
        ((401, "api_key_revoked"), None),
        ((401, "api_key_expired"), None),
        ((403, "api_key_address"), None),
        ((429, "daily_limit_reached"), "77"),
    ],
)
async def test_a_refusal_is_auths_and_is_remembered_for_a_moment(
    door: Door, auth: Auth, passed: Passed, refuse: tuple[int, str], retry_after: str | None
) -> None:
    auth.refuse = refuse
    for _ in range(3):
        answer = await door.client.get(ORDERS, headers=using())
        assert (answer.status_code, answer.json()["code"]) == refuse
        assert answer.headers.get("retry-after") == retry_after

    assert (len(auth.asked), passed()) == (1, [])


async def test_a_refused_key_is_asked_for_again_when_the_moment_is_over(
    door: Door, auth: Auth, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.api_keys.REFUSED_FOR", 0.5)
    auth.refuse = (401, "api_key_invalid")
    assert (await door.client.get(ORDERS, headers=using())).status_code == 401
    auth.refuse = None

    async def accepted() -> bool:
        return (await door.client.get(ORDERS, headers=using())).status_code == 200

    await eventually(accepted)


async def test_a_revoked_key_is_refused_as_soon_as_the_event_is_heard(door: Door, auth: Auth, passed: Passed) -> None:
    assert (await door.client.get(ORDERS, headers=using())).status_code == 200

    ends = clock.now() + timedelta(minutes=5)
    auth.refuse = (401, "api_key_revoked")
    door.transport.tell(
        SessionRevoked(session_id=auth.session_id, user_id=new_id(), expires_at=ends, reason="api_key_revoked")
    )

    answer = await door.client.get(ORDERS, headers=using())
    assert (answer.status_code, answer.json()["code"]) == (401, "api_key_revoked")
    assert len(passed()) == 1


async def test_a_key_whose_session_was_ended_for_another_reason_goes_on_with_a_new_token(
    door: Door, auth: Auth, passed: Passed
) -> None:
    assert (await door.client.get(ORDERS, headers=using())).status_code == 200
    ends = clock.now() + timedelta(minutes=5)
    ended, auth.session_id = auth.session_id, new_id()
    door.transport.tell(SessionRevoked(session_id=ended, user_id=new_id(), expires_at=ends, reason="logout_all"))

    assert (await door.client.get(ORDERS, headers=using())).status_code == 200
    assert len(set(passed())) == 2


async def test_a_leased_token_is_used_as_often_as_it_was_leased_for(door: Door, auth: Auth) -> None:
    auth.uses = 2
    answers = await asyncio.gather(*(door.client.get(ORDERS, headers=using()) for _ in range(7)))

    assert {answer.status_code for answer in answers} == {200}
    assert len(auth.asked) == 4


async def test_when_a_lease_is_spent_and_there_is_no_other_the_key_is_refused(door: Door, auth: Auth) -> None:
    auth.uses = 1
    assert (await door.client.get(ORDERS, headers=using())).status_code == 200
    auth.refuse = (429, "daily_limit_reached")

    for _ in range(2):
        answer = await door.client.get(ORDERS, headers=using())
        assert (answer.status_code, answer.json()["code"]) == auth.refuse


async def test_a_key_bound_to_addresses_is_asked_for_from_each(open_door: OpenDoor, auth: Auth) -> None:
    door = await open_door(trusted_proxies=["127.0.0.0/8"])
    auth.bound = True
    for address in ("203.0.113.1", "203.0.113.1", "203.0.113.2"):
        headers = using() | {"X-Forwarded-For": address}
        assert (await door.client.get(ORDERS, headers=headers)).status_code == 200

    asked = [seen.one("x-forwarded-for") for seen in auth.asked]
    assert asked == ["203.0.113.1", "203.0.113.2"]


async def test_a_token_is_not_used_after_its_end(door: Door, auth: Auth) -> None:
    auth.seconds = 0
    asking = asyncio.create_task(door.client.get(ORDERS, headers=using()))

    async def asked_again() -> bool:
        return len(auth.asked) >= 2

    await eventually(asked_again)
    auth.seconds = 300
    assert (await asking).status_code == 200


@pytest.mark.parametrize("status", [500, 404])
async def test_without_auth_a_key_can_be_tried_again_shortly(
    door: Door, auth: Auth, passed: Passed, status: int
) -> None:
    auth.refuse = (status, "internal_error")
    answer = await door.client.get(ORDERS, headers=using())
    assert (answer.status_code, answer.json()["code"]) == (503, "identity_unavailable")
    assert answer.headers["retry-after"] == "1"

    auth.refuse = None
    assert (await door.client.get(ORDERS, headers=using())).status_code == 200
    assert len(passed()) == 1


async def test_a_client_that_leaves_does_not_take_the_answer_along(door: Door, behind: Behind, auth: Auth) -> None:
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(seen: Seen) -> None:
        reached.set()
        await go_on.wait()
        await auth.answer(seen)

    behind.scripts[PATH] = slowly
    leaving = asyncio.create_task(door.client.get(ORDERS, headers=using()))
    await reached.wait()
    staying = asyncio.create_task(door.client.get(ORDERS, headers=using()))
    leaving.cancel()
    go_on.set()

    assert (await staying).status_code == 200
    assert len(auth.asked) == 1


async def test_the_exchange_itself_is_not_routed(door: Door, auth: Auth) -> None:
    for path in (PATH, f"/api/v1{PATH}"):
        assert (await door.client.post(path, json={"key": KEY})).status_code == 404
    assert auth.asked == []
