"""Devices and sessions of an account, and how to end them."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from services.auth.tests.harness import PASSWORD, AuthApi, claims, data, problem
from services.auth.tests.totp.factors import delete

from auth.jobs import purge
from auth.sessions.domain import KEEP_UNUSED_DEVICES_FOR, device_name
from common.clock import FixedClock
from common.contracts.auth import NewDeviceSeen, SessionRevoked

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
PHONE = "Mozilla/5.0 (Linux; Android 14; SM-A155F) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36"


async def on(api: AuthApi, email: str, agent: str = FIREFOX, name: str | None = None, **headers: str) -> dict[str, Any]:
    """Tokens of a session on a device."""
    body = {"email": email, "password": PASSWORD} | ({"device_name": name} if name else {})
    signed_in: dict[str, Any] = data(await api.post("/auth/login", body, headers={"User-Agent": agent} | headers))
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
def test_device_names(given: str | None, agent: str | None, name: str) -> None:
    assert device_name(given, agent) == name


async def test_sessions_belong_to_the_device_of_their_sign_in(api: AuthApi) -> None:
    email = (await api.registered())["email"]
    here = [await on(api, email) for _ in range(2)][1]
    await on(api, email, PHONE, name="Asha's phone", **{"X-Forwarded-For": "203.0.113.9"})
    phone, browser = data(await api.get("/auth/devices", here))
    assert (phone["name"], phone["sessions"], phone["is_current"]) == ("Asha's phone", 1, False)
    assert (phone["address"], phone["user_agent"]) == ("203.0.113.9", PHONE)
    assert (browser["name"], browser["sessions"], browser["is_current"]) == ("Firefox on Linux", 2, True)
    sessions = data(await api.get("/auth/sessions", here))
    assert [session["device_name"] for session in sessions] == ["Asha's phone", *["Firefox on Linux"] * 2]
    assert [session["id"] for session in sessions if session["is_current"]] == [claims(here)["sid"]]


async def test_only_a_new_device_after_the_first_is_announced(api: AuthApi) -> None:
    user = await api.registered()
    for agent in (FIREFOX, FIREFOX, PHONE, PHONE, FIREFOX):
        await on(api, user["email"], agent, **{"X-Forwarded-For": "203.0.113.9"})
    [event] = await api.published(NewDeviceSeen, user["id"])
    assert (event.name, event.address) == ("Chrome on Android", "203.0.113.9")


async def test_concurrent_first_sign_ins_create_one_device_and_no_event(api: AuthApi) -> None:
    user = await api.registered()
    signed_in = await asyncio.gather(*(on(api, user["email"]) for _ in range(6)))
    [device] = data(await api.get("/auth/devices", signed_in[0]))
    assert device["sessions"] == 6
    assert await api.published(NewDeviceSeen, user["id"]) == []


async def test_a_forgotten_device_is_signed_out_and_new_at_its_next_sign_in(api: AuthApi) -> None:
    email = (await api.registered())["email"]
    here, lost = await on(api, email), await on(api, email, PHONE)
    also = await on(api, email, PHONE)
    [device] = [d for d in data(await api.get("/auth/devices", here)) if not d["is_current"]]
    data(await delete(api, f"/auth/devices/{device['id']}", here))
    for tokens in (lost, also):
        assert problem(await api.get("/auth/me", tokens), 401) == (None, "session_revoked")
        assert (await api.refresh(tokens["refresh_token"])).status_code == 401
    assert (await api.get("/auth/me", here)).status_code == 200
    revoked = await api.published(SessionRevoked, here["user"]["id"])
    assert {str(event.session_id) for event in revoked} == {claims(lost)["sid"], claims(also)["sid"]}
    assert {event.reason for event in revoked} == {"device_forgotten"}
    assert [d["name"] for d in data(await api.get("/auth/devices", here))] == ["Firefox on Linux"]
    await on(api, email, PHONE)
    assert len(await api.published(NewDeviceSeen, here["user"]["id"])) == 2
    assert await api.audited(here["user"]["id"], "forget_device") == ["succeeded"]


async def test_sign_ins_concurrent_with_forgetting_their_device_leave_no_stray_session(api: AuthApi) -> None:
    email = (await api.registered())["email"]
    here = await on(api, email)
    await on(api, email, PHONE)
    [device] = [d for d in data(await api.get("/auth/devices", here)) if not d["is_current"]]
    racing = [on(api, email, PHONE) for _ in range(4)]
    await asyncio.gather(*racing[:2], delete(api, f"/auth/devices/{device['id']}", here), *racing[2:])
    assert await api.rows("SELECT FROM session WHERE device_id IS NULL AND ended_at IS NULL") == []


async def test_refreshes_concurrent_with_forgetting_their_device_do_not_deadlock(api: AuthApi) -> None:
    email = (await api.registered())["email"]
    here, phones = await on(api, email), [await on(api, email, PHONE) for _ in range(5)]
    [device] = [d for d in data(await api.get("/auth/devices", here)) if not d["is_current"]]
    refreshing = [api.refresh(phone["refresh_token"]) for phone in phones]
    *answers, forgotten = await asyncio.gather(*refreshing, delete(api, f"/auth/devices/{device['id']}", here))
    assert forgotten.status_code == 200
    assert {answer.status_code for answer in answers} <= {200, 401}


async def test_ending_one_session_keeps_the_others(api: AuthApi) -> None:
    email = (await api.registered())["email"]
    here, there = await on(api, email), await on(api, email)
    data(await delete(api, f"/auth/sessions/{claims(there)['sid']}", here))
    assert problem(await api.get("/auth/me", there), 401) == (None, "session_revoked")
    assert [s["id"] for s in data(await api.get("/auth/sessions", here))] == [claims(here)["sid"]]
    again = await delete(api, f"/auth/sessions/{claims(there)['sid']}", here)
    assert problem(again, 404) == (None, "session_not_found")


async def test_devices_and_sessions_of_other_accounts_are_not_found(api: AuthApi) -> None:
    mine, theirs = await api.signed_in(), await api.signed_in()
    [device] = data(await api.get("/auth/devices", theirs))
    assert problem(await delete(api, f"/auth/devices/{device['id']}", mine), 404) == (None, "device_not_found")
    path = f"/auth/sessions/{claims(theirs)['sid']}"
    assert problem(await delete(api, path, mine), 404) == (None, "session_not_found")
    assert data(await api.get("/auth/devices", theirs)) == [device]


async def test_a_refresh_updates_time_and_address_of_the_device(api: AuthApi, time: FixedClock) -> None:
    tokens = await api.signed_in()
    [before] = data(await api.get("/auth/devices", tokens))
    time.advance(timedelta(minutes=14))
    body, headers = {"refresh_token": tokens["refresh_token"]}, {"X-Forwarded-For": "203.0.113.9"}
    fresh = data(await api.post("/auth/refresh", body, headers=headers))
    [after] = data(await api.get("/auth/devices", fresh))
    assert after["seen_at"] > before["seen_at"] == after["first_seen_at"]
    assert (before["address"], after["address"]) == ("127.0.0.1", "203.0.113.9")


async def test_purge_deletes_devices_unused_for_half_a_year(api: AuthApi, time: FixedClock) -> None:
    await api.signed_in()
    time.advance(KEEP_UNUSED_DEVICES_FOR + timedelta(days=1))
    current = await api.signed_in()
    async with api.database.begin() as tx:
        await purge(tx, keep_audit=timedelta(days=400))
    assert len(await api.rows("SELECT FROM device")) == 1
    assert len(data(await api.get("/auth/devices", current))) == 1
