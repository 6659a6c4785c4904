"""Refresh tokens: rotation, races, reuse and the end of sessions."""

import asyncio
from datetime import timedelta

from services.auth.tests.conftest import StartApi
from services.auth.tests.harness import ADMIN, AuthApi, bearer, claims, data, problem

from auth.sessions.domain import IDLE_LIFETIME, MAX_LIFETIME, REUSE_GRACE
from common.clock import FixedClock
from common.contracts.auth import SessionRevoked
from common.testing import eventually

REJECTED = (None, "refresh_token_invalid")
MOMENT = timedelta(seconds=1)


async def revoked_session_ids(api: AuthApi) -> list[str]:
    answer = await api.http.get("/internal/revocations")
    return [entry["session_id"] for entry in data(answer)]


async def test_a_refresh_returns_the_next_token_pair_of_the_session(api: AuthApi) -> None:
    first = await api.signed_in()
    second = data(await api.refresh(first["refresh_token"]))
    assert second.keys() == first.keys()
    assert second["refresh_token"] != first["refresh_token"]
    assert claims(second)["sid"] == claims(first)["sid"]
    assert claims(second)["jti"] != claims(first)["jti"]
    assert data(await api.get("/auth/me", second))["id"] == first["user"]["id"]


async def test_ten_concurrent_refreshes_of_one_token_return_one_child(api: AuthApi) -> None:
    first = await api.signed_in()
    answers = await asyncio.gather(*(api.refresh(first["refresh_token"]) for _ in range(10)))
    pairs = [data(answer) for answer in answers]
    [child] = {pair["refresh_token"] for pair in pairs}
    assert {claims(pair)["sid"] for pair in pairs} == {claims(first)["sid"]}
    assert len(await api.rows("SELECT FROM refresh_token WHERE rotated_at IS NULL")) == 1
    assert (await api.refresh(child)).status_code == 200
    assert await api.published(SessionRevoked, first["user"]["id"]) == []


async def test_two_processes_return_the_same_child(api: AuthApi, start_api: StartApi) -> None:
    other = await start_api(api.database)
    first = await api.signed_in()
    answers = await asyncio.gather(*(side.refresh(first["refresh_token"]) for side in (api, other) * 4))
    assert len({data(answer)["refresh_token"] for answer in answers}) == 1


async def test_the_parent_is_accepted_again_within_the_grace_period(api: AuthApi, time: FixedClock) -> None:
    first = await api.signed_in()
    child = data(await api.refresh(first["refresh_token"]))["refresh_token"]
    time.advance(REUSE_GRACE)
    again = data(await api.refresh(first["refresh_token"]))
    assert again["refresh_token"] == child
    time.advance(MOMENT)
    assert problem(await api.refresh(first["refresh_token"]), 401) == REJECTED
    assert problem(await api.refresh(child), 401) == REJECTED


async def test_reuse_of_an_older_token_ends_the_session(api: AuthApi) -> None:
    oldest = await api.signed_in()
    parent = data(await api.refresh(oldest["refresh_token"]))
    current = data(await api.refresh(parent["refresh_token"]))
    bystander = await api.signed_in(oldest["user"]["email"])
    assert problem(await api.refresh(oldest["refresh_token"]), 401) == REJECTED
    for stolen in (current, parent, oldest):
        assert problem(await api.refresh(stolen["refresh_token"]), 401) == REJECTED
    [event] = await api.published(SessionRevoked, oldest["user"]["id"])
    assert (str(event.session_id), event.reason) == (claims(oldest)["sid"], "refresh_token_reused")
    assert event.expires_at.timestamp() >= claims(current)["exp"]
    assert (await api.audited(oldest["user"]["id"], "refresh"))[0] == "reused"
    assert await revoked_session_ids(api) == [claims(oldest)["sid"]]
    assert (await api.refresh(bystander["refresh_token"])).status_code == 200


async def test_sessions_expire_when_idle_and_after_their_maximum_lifetime(api: AuthApi, time: FixedClock) -> None:
    idle = await api.signed_in()
    busy = await api.signed_in(idle["user"]["email"])
    assert idle["refresh_expires_in"] == IDLE_LIFETIME.total_seconds()
    time.advance(IDLE_LIFETIME)
    assert problem(await api.refresh(idle["refresh_token"]), 401) == REJECTED
    assert problem(await api.refresh(busy["refresh_token"]), 401) == REJECTED

    current = await api.signed_in(idle["user"]["email"])
    started = time.now()
    while time.now() + IDLE_LIFETIME / 2 < started + MAX_LIFETIME:
        time.advance(IDLE_LIFETIME / 2)
        current = data(await api.refresh(current["refresh_token"]))
    left = started + MAX_LIFETIME - time.now()
    assert current["refresh_expires_in"] == left.total_seconds()
    time.advance(left)
    assert problem(await api.refresh(current["refresh_token"]), 401) == REJECTED


async def test_logout_ends_the_callers_session_only(api: AuthApi) -> None:
    here = await api.signed_in()
    there = await api.signed_in(here["user"]["email"])
    data(await api.act("/auth/logout", here))
    assert problem(await api.get("/auth/me", here), 401) == (None, "session_revoked")
    assert problem(await api.refresh(here["refresh_token"]), 401) == REJECTED
    assert problem(await api.post("/auth/verify", {"token": here["access_token"]}), 401) == (None, "session_revoked")
    [event] = await api.published(SessionRevoked, here["user"]["id"])
    assert (str(event.session_id), event.reason) == (claims(here)["sid"], "logout")
    assert event.expires_at.timestamp() == claims(here)["exp"]
    assert (await api.get("/auth/me", there)).status_code == 200


async def test_a_refresh_token_alone_signs_out_its_own_session_only(api: AuthApi) -> None:
    mine, theirs = await api.signed_in(), await api.signed_in()
    data(await api.act("/auth/logout", mine, {"refresh_token": theirs["refresh_token"]}))
    assert (await api.refresh(theirs["refresh_token"])).status_code == 200
    again = await api.signed_in(mine["user"]["email"])
    data(await api.post("/auth/logout", {"refresh_token": again["refresh_token"]}))
    assert problem(await api.refresh(again["refresh_token"]), 401) == REJECTED
    assert (await api.post("/auth/logout", {})).status_code == 401


async def test_logout_all_ends_every_session_of_the_caller_only(api: AuthApi) -> None:
    mine = [await api.signed_in()]
    mine += [await api.signed_in(mine[0]["user"]["email"]) for _ in range(2)]
    theirs = await api.signed_in()
    data(await api.act("/auth/logout-all", mine[0]))
    for tokens in mine:
        assert (await api.get("/auth/me", tokens)).status_code == 401
        assert problem(await api.refresh(tokens["refresh_token"]), 401) == REJECTED
    assert sorted(await revoked_session_ids(api)) == sorted(claims(tokens)["sid"] for tokens in mine)
    assert (await api.get("/auth/me", theirs)).status_code == 200


async def test_a_new_process_rejects_sessions_that_ended_before_it_started(api: AuthApi, start_api: StartApi) -> None:
    tokens = await api.signed_in()
    data(await api.act("/auth/logout", tokens))
    later = await start_api(api.database)

    async def ready() -> bool:
        return (await later.http.get("/health/ready")).status_code == 200

    await eventually(ready)
    assert problem(await later.get("/auth/me", tokens), 401) == (None, "session_revoked")


async def test_revocations_are_listed_until_the_last_token_has_expired(api: AuthApi, time: FixedClock) -> None:
    tokens = await api.signed_in(ADMIN["email"], ADMIN["password"])
    time.advance(timedelta(minutes=10))
    later = data(await api.refresh(tokens["refresh_token"]))
    assert (await api.http.post("/api/v1/auth/logout", headers=bearer(later))).status_code == 200
    time.advance(timedelta(minutes=10))
    assert await revoked_session_ids(api) == [claims(tokens)["sid"]]
    time.advance(timedelta(minutes=6))
    assert await revoked_session_ids(api) == []
