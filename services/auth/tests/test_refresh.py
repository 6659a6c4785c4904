"""Refresh tokens: rotation, races, theft and the end of sessions."""

import asyncio
from datetime import timedelta

from services.auth.tests.conftest import OpenDoor
from services.auth.tests.harness import ADMIN, Door, bearer, claims, data, problem

from auth.sessions.domain import IDLE_LIFETIME, MAX_LIFETIME, REUSE_GRACE
from common.clock import FixedClock
from common.contracts.auth import SessionRevoked
from common.testing import eventually

REJECTED = (None, "refresh_token_invalid")
MOMENT = timedelta(seconds=1)


async def revoked_session_ids(door: Door) -> list[str]:
    answer = await door.http.get("/internal/revocations")
    return [entry["session_id"] for entry in data(answer)]


async def test_a_refresh_gives_the_next_pair_of_the_same_session(door: Door) -> None:
    first = await door.signed_in()
    second = data(await door.refresh(first["refresh_token"]))
    assert second.keys() == first.keys()
    assert second["refresh_token"] != first["refresh_token"]
    assert claims(second)["sid"] == claims(first)["sid"]
    assert claims(second)["jti"] != claims(first)["jti"]
    assert data(await door.get("/auth/me", second))["id"] == first["user"]["id"]


async def test_ten_refreshes_of_one_token_at_once_give_one_child(door: Door) -> None:
    first = await door.signed_in()
    answers = await asyncio.gather(*(door.refresh(first["refresh_token"]) for _ in range(10)))
    pairs = [data(answer) for answer in answers]
    [child] = {pair["refresh_token"] for pair in pairs}
    assert {claims(pair)["sid"] for pair in pairs} == {claims(first)["sid"]}
    assert len(await door.rows("SELECT FROM refresh_token WHERE rotated_at IS NULL")) == 1
    assert (await door.refresh(child)).status_code == 200
    assert await door.told(SessionRevoked, first["user"]["id"]) == []


async def test_two_processes_give_the_same_child(door: Door, open_door: OpenDoor) -> None:
    other = await open_door(door.database)
    first = await door.signed_in()
    answers = await asyncio.gather(*(side.refresh(first["refresh_token"]) for side in (door, other) * 4))
    assert len({data(answer)["refresh_token"] for answer in answers}) == 1


async def test_the_parent_is_accepted_again_until_the_window_closes(door: Door, time: FixedClock) -> None:
    first = await door.signed_in()
    child = data(await door.refresh(first["refresh_token"]))["refresh_token"]
    time.advance(REUSE_GRACE)
    again = data(await door.refresh(first["refresh_token"]))
    assert again["refresh_token"] == child
    time.advance(MOMENT)
    assert problem(await door.refresh(first["refresh_token"]), 401) == REJECTED
    assert problem(await door.refresh(child), 401) == REJECTED


async def test_a_token_older_than_the_parent_ends_the_family_and_says_so(door: Door) -> None:
    oldest = await door.signed_in()
    parent = data(await door.refresh(oldest["refresh_token"]))
    current = data(await door.refresh(parent["refresh_token"]))
    bystander = await door.signed_in(oldest["user"]["email"])
    assert problem(await door.refresh(oldest["refresh_token"]), 401) == REJECTED
    for stolen in (current, parent, oldest):
        assert problem(await door.refresh(stolen["refresh_token"]), 401) == REJECTED
    [told] = await door.told(SessionRevoked, oldest["user"]["id"])
    assert (str(told.session_id), told.reason) == (claims(oldest)["sid"], "refresh_token_reused")
    assert told.expires_at.timestamp() >= claims(current)["exp"]
    assert (await door.audited(oldest["user"]["id"], "refresh"))[0] == "reused"
    assert await revoked_session_ids(door) == [claims(oldest)["sid"]]
    assert (await door.refresh(bystander["refresh_token"])).status_code == 200


async def test_sessions_end_when_idle_and_after_their_whole_time(door: Door, time: FixedClock) -> None:
    idle = await door.signed_in()
    busy = await door.signed_in(idle["user"]["email"])
    assert idle["refresh_expires_in"] == IDLE_LIFETIME.total_seconds()
    time.advance(IDLE_LIFETIME)
    assert problem(await door.refresh(idle["refresh_token"]), 401) == REJECTED
    assert problem(await door.refresh(busy["refresh_token"]), 401) == REJECTED

    kept = await door.signed_in(idle["user"]["email"])
    started = time.now()
    while time.now() + IDLE_LIFETIME / 2 < started + MAX_LIFETIME:
        time.advance(IDLE_LIFETIME / 2)
        kept = data(await door.refresh(kept["refresh_token"]))
    left = started + MAX_LIFETIME - time.now()
    assert kept["refresh_expires_in"] == left.total_seconds()
    time.advance(left)
    assert problem(await door.refresh(kept["refresh_token"]), 401) == REJECTED


async def test_logout_ends_this_session_and_no_other(door: Door) -> None:
    here = await door.signed_in()
    there = await door.signed_in(here["user"]["email"])
    data(await door.act("/auth/logout", here))
    assert problem(await door.get("/auth/me", here), 401) == (None, "session_revoked")
    assert problem(await door.refresh(here["refresh_token"]), 401) == REJECTED
    assert problem(await door.post("/auth/verify", {"token": here["access_token"]}), 401) == (None, "session_revoked")
    [told] = await door.told(SessionRevoked, here["user"]["id"])
    assert (str(told.session_id), told.reason) == (claims(here)["sid"], "logout")
    assert told.expires_at.timestamp() == claims(here)["exp"]
    assert (await door.get("/auth/me", there)).status_code == 200


async def test_a_refresh_token_alone_signs_out_and_never_somebody_else(door: Door) -> None:
    mine, theirs = await door.signed_in(), await door.signed_in()
    data(await door.act("/auth/logout", mine, {"refresh_token": theirs["refresh_token"]}))
    assert (await door.refresh(theirs["refresh_token"])).status_code == 200
    again = await door.signed_in(mine["user"]["email"])
    data(await door.post("/auth/logout", {"refresh_token": again["refresh_token"]}))
    assert problem(await door.refresh(again["refresh_token"]), 401) == REJECTED
    assert (await door.post("/auth/logout", {})).status_code == 401


async def test_logout_all_ends_every_session_of_the_caller_only(door: Door) -> None:
    mine = [await door.signed_in()]
    mine += [await door.signed_in(mine[0]["user"]["email"]) for _ in range(2)]
    theirs = await door.signed_in()
    data(await door.act("/auth/logout-all", mine[0]))
    for tokens in mine:
        assert (await door.get("/auth/me", tokens)).status_code == 401
        assert problem(await door.refresh(tokens["refresh_token"]), 401) == REJECTED
    assert sorted(await revoked_session_ids(door)) == sorted(claims(tokens)["sid"] for tokens in mine)
    assert (await door.get("/auth/me", theirs)).status_code == 200


async def test_a_new_process_knows_the_sessions_that_ended_before_it(door: Door, open_door: OpenDoor) -> None:
    tokens = await door.signed_in()
    data(await door.act("/auth/logout", tokens))
    later = await open_door(door.database)

    async def ready() -> bool:
        return (await later.http.get("/health/ready")).status_code == 200

    await eventually(ready)
    assert problem(await later.get("/auth/me", tokens), 401) == (None, "session_revoked")


async def test_revocations_are_listed_until_the_last_token_has_expired(door: Door, time: FixedClock) -> None:
    tokens = await door.signed_in(ADMIN["email"], ADMIN["password"])
    time.advance(timedelta(minutes=10))
    later = data(await door.refresh(tokens["refresh_token"]))
    assert (await door.http.post("/api/v1/auth/logout", headers=bearer(later))).status_code == 200
    time.advance(timedelta(minutes=10))
    assert await revoked_session_ids(door) == [claims(tokens)["sid"]]
    time.advance(timedelta(minutes=6))
    assert await revoked_session_ids(door) == []
