"""The second factor, devices and deletion through the gateway, and what the owner hears of it."""

from typing import Any
from uuid import uuid4

import httpx
import pytest
from pyotp import TOTP

from common import clock
from common.testing import eventually
from dukan.mail import letters

from .platform import API, Platform

PASSWORD = "a-long-way-to-mwanza"
FIREFOX = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"}
PHONE = {"User-Agent": "Mozilla/5.0 (Linux; Android 14) Chrome/126.0 Safari/537.36"}


@pytest.fixture
async def email(shop: Platform) -> str:
    """Of a new customer."""
    address = f"mfa-{uuid4().hex[:12]}@example.com"
    made = await shop.http.post(f"{API}/auth/register", json={"email": address, "password": PASSWORD})
    assert made.status_code == 201, made.text
    return address


async def login(shop: Platform, email: str, agent: dict[str, str], **more: str) -> httpx.Response:
    body = {"email": email, "password": PASSWORD} | more
    return await shop.http.post(f"{API}/auth/login", json=body, headers=agent)


async def call(shop: Platform, method: str, path: str, token: str, body: Any = None) -> httpx.Response:
    return await shop.http.request(method, f"{API}{path}", json=body, headers={"Authorization": f"Bearer {token}"})


def token_of(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    return str(answer.json()["data"]["access_token"])


def app_code(secret: str, steps: int = 0) -> str:
    return TOTP(secret).at(clock.now(), counter_offset=steps)


async def refused(shop: Platform, token: str) -> bool:
    return (await call(shop, "GET", "/auth/me", token)).status_code == 401


async def test_a_second_factor_is_turned_on_asked_for_and_turned_off(shop: Platform, email: str) -> None:
    token = token_of(await login(shop, email, FIREFOX))
    started = await call(shop, "POST", "/auth/mfa/totp", token, {"password": PASSWORD})
    secret = started.json()["data"]["secret"]
    on = await call(shop, "POST", "/auth/mfa/totp/confirm", token, {"code": app_code(secret)})
    codes = on.json()["data"]["recovery_codes"]
    assert (await login(shop, email, FIREFOX)).json()["code"] == "otp_required"
    assert (await login(shop, email, FIREFOX, otp=app_code(secret, -1))).json()["code"] == "otp_invalid"
    token = token_of(await login(shop, email, FIREFOX, otp=app_code(secret, +1)))
    assert (await login(shop, email, FIREFOX, otp=codes[0])).status_code == 200
    off = await call(shop, "DELETE", "/auth/mfa/totp", token, {"password": PASSWORD, "code": codes[1]})
    assert off.status_code == 200, off.text
    assert (await login(shop, email, FIREFOX)).status_code == 200


async def test_the_owner_gets_a_letter_about_a_new_device_and_ends_it(shop: Platform, email: str) -> None:
    here, there = [token_of(await login(shop, email, agent)) for agent in (FIREFOX, PHONE)]

    async def told() -> list[str]:
        mine = [letter for letter in letters(shop.data) if letter["To"] == email]
        return [str(letter["Subject"]) for letter in mine if "Chrome on Android" in str(letter["Subject"])]

    assert await eventually(told) == ["New sign-in to your account: Chrome on Android"]
    devices = (await call(shop, "GET", "/auth/devices", here)).json()["data"]
    [phone] = [device for device in devices if not device["is_current"]]
    assert (await call(shop, "DELETE", f"/auth/devices/{phone['id']}", here)).status_code == 200
    await eventually(lambda: refused(shop, there), within=5)
    assert not await refused(shop, here)


async def test_who_deletes_the_account_is_out_and_an_administrator_brings_it_back(shop: Platform, email: str) -> None:
    signed_in = await login(shop, email, FIREFOX)
    token, user_id = token_of(signed_in), signed_in.json()["data"]["user"]["id"]
    assert (await call(shop, "DELETE", "/auth/me", token, {"password": PASSWORD})).status_code == 200
    await eventually(lambda: refused(shop, token), within=5)
    assert (await login(shop, email, FIREFOX)).json()["code"] == "invalid_credentials"
    admin = (await shop.admin()).token
    trail = (await call(shop, "GET", f"/auth/audit?account={user_id}&action=delete_account", admin)).json()["data"]
    assert [entry["outcome"] for entry in trail] == ["succeeded"]
    assert (await call(shop, "POST", f"/users/{user_id}/restore", admin)).status_code == 200
    assert (await login(shop, email, FIREFOX)).status_code == 200
