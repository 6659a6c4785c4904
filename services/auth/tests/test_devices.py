"""Where people are signed in, and how they end it."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from services.auth.tests.factors import delete
from services.auth.tests.harness import PASSWORD, Door, claims, data, problem

from auth.jobs import purge
from auth.sessions.domain import KEEP_UNUSED_DEVICES_FOR, device_name
from common.clock import FixedClock
from common.contracts.auth import NewDeviceSeen, SessionRevoked

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
PHONE = "Mozilla/5.0 (Linux; Android 14; SM-A155F) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36"


async def on(door: Door, email: str, agent: str = FIREFOX, name: str | None = None, **headers: str) -> dict[str, Any]:
    """Tokens of a session on a device."""
    body = {"email": email, "password": PASSWORD} | ({"device_name": name} if name else {})
    signed_in: dict[str, Any] = data(await door.post("/auth/login", body, headers={"User-Agent": agent} | headers))
    return signed_in


@pytest.mark.parametrize(
    ("given", "agent", "name"),
    [
        ("Asha's phone", PHONE, "Asha's phone"),
        (None, FIREFOX, "Firefox on Linux"),
        (None, PHONE, "Chrome on Android"),
        (None, f"{PHONE} Edg/126.0", "Edge on Android"),
        (None, "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Version/17.5 Safari/604.1", "Safari on iPhone"),
        (None, "curl/8.5.0", "curl"),
        (None, "\u202e\x00evil/1", "evil"),
        (None, None, "Unknown device"),
    ],
)
def test_a_device_is_called_what_a_person_would_call_it(given: str | None, agent: str | None, name: str) -> None:
    assert device_name(given, agent) == name


async def test_sessions_belong_to_the_device_that_they_were_opened_on(door: Door) -> None:
    email = (await door.registered())["email"]
    here = [await on(door, email) for _ in range(2)][1]
    await on(door, email, PHONE, name="Asha's phone", **{"X-Forwarded-For": "203.0.113.9"})
    phone, browser = data(await door.get("/auth/devices", here))
    assert (phone["name"], phone["sessions"], phone["is_current"]) == ("Asha's phone", 1, False)
    assert (phone["address"], phone["user_agent"]) == ("203.0.113.9", PHONE)
    assert (browser["name"], browser["sessions"], browser["is_current"]) == ("Firefox on Linux", 2, True)
    sessions = data(await door.get("/auth/sessions", here))
    assert [session["device_name"] for session in sessions] == ["Asha's phone", *["Firefox on Linux"] * 2]
    assert [session["id"] for session in sessions if session["is_current"]] == [claims(here)["sid"]]


async def test_the_owner_hears_of_a_new_device_and_not_of_the_first_or_of_one_that_is_known(door: Door) -> None:
    user = await door.registered()
    for agent in (FIREFOX, FIREFOX, PHONE, PHONE, FIREFOX):
        await on(door, user["email"], agent, **{"X-Forwarded-For": "203.0.113.9"})
    [told] = await door.told(NewDeviceSeen, user["id"])
    assert (told.name, told.address) == ("Chrome on Android", "203.0.113.9")


async def test_first_sign_ins_at_once_are_one_device_and_no_news(door: Door) -> None:
    user = await door.registered()
    signed_in = await asyncio.gather(*(on(door, user["email"]) for _ in range(6)))
    [device] = data(await door.get("/auth/devices", signed_in[0]))
    assert device["sessions"] == 6
    assert await door.told(NewDeviceSeen, user["id"]) == []


async def test_a_forgotten_device_is_signed_out_at_once_and_news_when_it_comes_back(door: Door) -> None:
    email = (await door.registered())["email"]
    here, lost = await on(door, email), await on(door, email, PHONE)
    also = await on(door, email, PHONE)
    [device] = [d for d in data(await door.get("/auth/devices", here)) if not d["is_current"]]
    data(await delete(door, f"/auth/devices/{device['id']}", here))
    for tokens in (lost, also):
        assert problem(await door.get("/auth/me", tokens), 401) == (None, "session_revoked")
        assert (await door.refresh(tokens["refresh_token"])).status_code == 401
    assert (await door.get("/auth/me", here)).status_code == 200
    revoked = await door.told(SessionRevoked, here["user"]["id"])
    assert {str(told.session_id) for told in revoked} == {claims(lost)["sid"], claims(also)["sid"]}
    assert {told.reason for told in revoked} == {"device_forgotten"}
    assert [d["name"] for d in data(await door.get("/auth/devices", here))] == ["Firefox on Linux"]
    await on(door, email, PHONE)
    assert len(await door.told(NewDeviceSeen, here["user"]["id"])) == 2
    assert await door.audited(here["user"]["id"], "forget_device") == ["succeeded"]


async def test_sign_ins_that_race_the_forgetting_of_their_device_leave_no_stray_session(door: Door) -> None:
    email = (await door.registered())["email"]
    here = await on(door, email)
    await on(door, email, PHONE)
    [device] = [d for d in data(await door.get("/auth/devices", here)) if not d["is_current"]]
    racing = [on(door, email, PHONE) for _ in range(4)]
    await asyncio.gather(*racing[:2], delete(door, f"/auth/devices/{device['id']}", here), *racing[2:])
    assert await door.rows("SELECT FROM session WHERE device_id IS NULL AND ended_at IS NULL") == []


async def test_refreshes_that_race_the_forgetting_of_their_device_end_in_order(door: Door) -> None:
    email = (await door.registered())["email"]
    here, phones = await on(door, email), [await on(door, email, PHONE) for _ in range(5)]
    [device] = [d for d in data(await door.get("/auth/devices", here)) if not d["is_current"]]
    refreshing = [door.refresh(phone["refresh_token"]) for phone in phones]
    *answers, forgotten = await asyncio.gather(*refreshing, delete(door, f"/auth/devices/{device['id']}", here))
    assert forgotten.status_code == 200
    assert {answer.status_code for answer in answers} <= {200, 401}


async def test_one_session_is_ended_and_the_others_go_on(door: Door) -> None:
    email = (await door.registered())["email"]
    here, there = await on(door, email), await on(door, email)
    data(await delete(door, f"/auth/sessions/{claims(there)['sid']}", here))
    assert problem(await door.get("/auth/me", there), 401) == (None, "session_revoked")
    assert [s["id"] for s in data(await door.get("/auth/sessions", here))] == [claims(here)["sid"]]
    again = await delete(door, f"/auth/sessions/{claims(there)['sid']}", here)
    assert problem(again, 404) == (None, "session_not_found")


async def test_nobody_sees_or_ends_what_is_anothers(door: Door) -> None:
    mine, theirs = await door.signed_in(), await door.signed_in()
    [device] = data(await door.get("/auth/devices", theirs))
    assert problem(await delete(door, f"/auth/devices/{device['id']}", mine), 404) == (None, "device_not_found")
    path = f"/auth/sessions/{claims(theirs)['sid']}"
    assert problem(await delete(door, path, mine), 404) == (None, "session_not_found")
    assert data(await door.get("/auth/devices", theirs)) == [device]


async def test_a_refresh_says_when_and_where_the_device_was_seen(door: Door, time: FixedClock) -> None:
    tokens = await door.signed_in()
    [before] = data(await door.get("/auth/devices", tokens))
    time.advance(timedelta(minutes=14))
    body, headers = {"refresh_token": tokens["refresh_token"]}, {"X-Forwarded-For": "203.0.113.9"}
    fresh = data(await door.post("/auth/refresh", body, headers=headers))
    [after] = data(await door.get("/auth/devices", fresh))
    assert after["seen_at"] > before["seen_at"] == after["first_seen_at"]
    assert (before["address"], after["address"]) == ("127.0.0.1", "203.0.113.9")


async def test_a_device_that_nobody_used_for_half_a_year_is_forgotten(door: Door, time: FixedClock) -> None:
    await door.signed_in()
    time.advance(KEEP_UNUSED_DEVICES_FOR + timedelta(days=1))
    kept = await door.signed_in()
    async with door.database.begin() as tx:
        await purge(tx, keep_audit=timedelta(days=400))
    assert len(await door.rows("SELECT FROM device")) == 1
    assert len(data(await door.get("/auth/devices", kept))) == 1
