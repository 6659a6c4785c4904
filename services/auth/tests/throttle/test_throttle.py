"""Failed sign-ins delay further attempts of the one who guesses."""

import asyncio
from datetime import timedelta
from ipaddress import ip_address, ip_network

import httpx
from services.auth.tests.conftest import StartApi
from services.auth.tests.emails import request_reset
from services.auth.tests.harness import PASSWORD, AuthApi, bearer, data, problem

from auth.clients import client_address, neighbourhood
from auth.throttle.domain import OVERALL
from common.clock import FixedClock

THIEF = {"X-Forwarded-For": "203.0.113.9"}
OWNER = {"X-Forwarded-For": "198.51.100.7"}


async def guess(api: AuthApi, email: str, times: int, **options: object) -> list[int]:
    answers = [await api.login(email, f"guess number {i}", headers=THIEF, **options) for i in range(times)]
    return [answer.status_code for answer in answers]


async def test_each_further_guess_waits_longer_and_the_owner_does_not(api: AuthApi, time: FixedClock) -> None:
    email = (await api.registered())["email"]
    assert await guess(api, email, 6) == [401] * 5 + [429]
    right = await api.login(email, PASSWORD, headers=THIEF)
    assert problem(right, 429) == (None, "too_many_attempts")
    assert right.headers["Retry-After"] == "30"
    assert (await api.login(email, PASSWORD, headers=OWNER)).status_code == 200
    for wait in ("60", "120", "240", "480", "900", "900"):
        time.advance(timedelta(seconds=int(right.headers["Retry-After"])))
        assert await guess(api, email, 1) == [401]
        right = await api.login(email, PASSWORD, headers=THIEF)
        assert (right.status_code, right.headers["Retry-After"]) == (429, wait)


async def test_a_known_device_does_not_wait_for_guesses_at_the_same_address(start_api: StartApi) -> None:
    api = await start_api(sign_in_failures_per_minute=10)
    email, other = [(await api.registered())["email"] for _ in range(2)]
    device = (await api.signed_in(email))["device_token"]
    assert await guess(api, email, 6) == [401] * 5 + [429]
    assert await guess(api, other, 6) == [401] * 5 + [429]
    assert (await api.login(email, headers=THIEF)).status_code == 429
    for proof in ({**THIEF, "X-Device-Token": device}, {**THIEF, "Cookie": f"dukan_device={device}"}):
        assert (await api.login(email, headers=proof)).status_code == 200
    stolen = {**THIEF, "X-Device-Token": device}
    assert (await api.login(other, headers=stolen)).status_code == 429, "another account's device"
    for forged in ("x", device[:-4] + "AAAA", device[:10], "é", ""):
        headers = {**THIEF, "X-Device-Token": forged.encode()}
        assert (await api.login(email, headers=headers)).status_code == 429, forged


async def test_a_browser_is_known_by_its_cookie(api: AuthApi) -> None:
    email = (await api.registered())["email"]
    body = {"email": email, "password": PASSWORD, "cookies": True}
    signed_in = await api.post("/auth/login", body)
    assert data(signed_in)["device_token"] is None
    [cookie] = [each for each in signed_in.headers.get_list("set-cookie") if each.startswith("dukan_device=")]
    assert "Path=/api/v1/auth;" in cookie
    assert "HttpOnly" in cookie
    jar = httpx.Cookies(api.http.cookies)
    api.http.cookies.clear()
    assert await guess(api, email, 6) == [401] * 5 + [429]
    assert (await api.post("/auth/login", body, headers=THIEF)).status_code == 429
    api.http.cookies = jar
    assert (await api.post("/auth/login", body, headers=THIEF)).status_code == 200


async def test_guesses_on_a_known_device_wait_as_well_and_a_forgotten_device_is_unknown(api: AuthApi) -> None:
    email = (await api.registered())["email"]
    tokens = await api.signed_in(email)
    known = {"X-Device-Token": tokens["device_token"]}
    wrong = [(await api.login(email, f"guess {i}", headers=known)).status_code for i in range(6)]
    assert wrong == [401] * 5 + [429]
    assert (await api.login(email, headers=OWNER)).status_code == 200
    assert await guess(api, email, 6) == [401] * 5 + [429]
    [device] = [each for each in data(await api.get("/auth/devices", tokens)) if each["is_current"]]
    deleted = await api.http.delete(f"/api/v1/auth/devices/{device['id']}", headers=bearer(tokens))
    assert deleted.status_code == 200
    assert (await api.login(email, headers={**THIEF, **known})).status_code == 429


async def test_guesses_from_many_addresses_are_bounded_per_account(api: AuthApi, time: FixedClock) -> None:
    user, name = await api.registered(username="neema-m"), "nobody@shop.test"
    device = (await api.signed_in(user["email"]))["device_token"]

    async def login(identifier: str, number: int, password: str = "a wrong guess") -> int:
        headers = {"X-Forwarded-For": f"198.18.{number // 250}.{number % 250}"}
        return (await api.login(identifier, password, headers=headers)).status_code

    for names in ([name, name], [user["email"], "neema-m"]):
        answers = [await login(names[i % 2], i) for i in range(OVERALL.free + 2)]
        assert answers == [401] * OVERALL.free + [429] * 2
        for step in range(8):
            time.advance(OVERALL.max_wait)
            assert [await login(names[i], 1000 + 2 * step + i) for i in range(2)] == [401, 429]
    assert await login(user["email"], 5000, PASSWORD) == 429, "an owner on a new device"
    assert (await api.login(user["email"], headers={"X-Device-Token": device})).status_code == 200
    sent = await request_reset(api, user)
    data(await api.post("/auth/password/reset", {"token": sent.token, "new_password": "another good secret"}))
    assert await login(user["email"], 5001, "another good secret") == 200


async def test_unknown_accounts_are_throttled_like_known_ones(api: AuthApi) -> None:
    assert await guess(api, "nobody@shop.test", 6) == [401] * 5 + [429]


async def test_concurrent_guesses_are_judged_one_by_one(api: AuthApi) -> None:
    email = (await api.registered())["email"]
    guesses = (api.login(email, f"guess number {i}", headers=THIEF) for i in range(30))
    statuses = [answer.status_code for answer in await asyncio.gather(*guesses)]
    assert sorted(statuses) == [401] * 5 + [429] * 25


async def test_success_and_time_reset_the_count(api: AuthApi, time: FixedClock) -> None:
    email = (await api.registered())["email"]
    for _ in range(2):
        assert await guess(api, email, 4) == [401] * 4
        assert (await api.login(email, PASSWORD, headers=THIEF)).status_code == 200
    assert await guess(api, email, 4) == [401] * 4
    time.advance(timedelta(minutes=5, seconds=1))
    assert await guess(api, email, 4) == [401] * 4


async def test_one_client_address_is_throttled_across_accounts(start_api: StartApi) -> None:
    api = await start_api(sign_in_failures_per_minute=10)
    victims = [f"someone{i}@shop.test" for i in range(11)]
    statuses = [(await guess(api, victim, 1))[0] for victim in victims]
    assert statuses == [401] * 10 + [429]
    user = await api.registered()
    assert (await api.login(user["email"], PASSWORD, headers=THIEF)).status_code == 429
    assert (await api.login(user["email"], PASSWORD, headers=OWNER)).status_code == 200


async def test_a_forged_x_forwarded_for_header_does_not_evade_the_throttle(start_api: StartApi) -> None:
    api = await start_api(trusted_proxies="")
    email = (await api.registered())["email"]
    forged = [{"X-Forwarded-For": f"203.0.113.{i}"} for i in range(6)]
    statuses = [(await api.login(email, "a wrong guess", headers=headers)).status_code for headers in forged]
    assert statuses == [401] * 5 + [429]


def test_only_trusted_proxies_name_the_client_address() -> None:
    trusted = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]
    expected = {
        ("10.0.0.1", "203.0.113.9"): "203.0.113.9",
        ("10.0.0.1", "1.1.1.1, 203.0.113.9, 10.0.0.2"): "203.0.113.9",
        ("10.0.0.1", "1.1.1.1, nonsense, 10.0.0.2"): "10.0.0.2",
        ("10.0.0.1", ""): "10.0.0.1",
        ("203.0.113.9", "1.1.1.1"): "203.0.113.9",
        ("::ffff:10.0.0.1", "::ffff:203.0.113.9"): "203.0.113.9",
        ("fd00::1", "2001:db8::7"): "2001:db8::7",
        ("unix", "1.1.1.1"): "0.0.0.0",
    }
    assert {given: str(client_address(*given, trusted)) for given in expected} == expected


def test_an_ipv6_network_of_a_subscriber_counts_as_one_address() -> None:
    assert neighbourhood(ip_address("2001:db8:1:2:aaaa::1")) == neighbourhood(ip_address("2001:db8:1:2:bbbb::2"))
    assert neighbourhood(ip_address("203.0.113.9")) == "203.0.113.9"
