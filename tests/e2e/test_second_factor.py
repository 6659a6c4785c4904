"""Second factor, devices and deletion through the gateway, and the notifications to the owner."""

from typing import Any
from uuid import uuid4

import httpx
import pytest
from pyotp import TOTP

from common import clock
from common.testing import eventually
from dukan.mail import messages

from .platform import API, Platform

PASSWORD = "a-long-way-to-mwanza"
FIREFOX = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"}
PHONE = {"User-Agent": "Mozilla/5.0 (Linux; Android 14) Chrome/126.0 Safari/537.36"}


@pytest.fixture
async def email(platform: Platform) -> str:
    """Of a new customer."""
    address = f"mfa-{uuid4().hex[:12]}@example.com"
    made = await platform.http.post(f"{API}/auth/register", json={"email": address, "password": PASSWORD})
    assert made.status_code == 201, made.text
    return address


async def login(platform: Platform, email: str, agent: dict[str, str], **more: str) -> httpx.Response:
    body = {"email": email, "password": PASSWORD} | more
    return await platform.http.post(f"{API}/auth/login", json=body, headers=agent)


async def call(platform: Platform, method: str, path: str, token: str, body: Any = None) -> httpx.Response:
    return await platform.http.request(method, f"{API}{path}", json=body, headers={"Authorization": f"Bearer {token}"})


def token_of(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    return str(answer.json()["data"]["access_token"])


def app_code(secret: str, steps: int = 0) -> str:
    return TOTP(secret).at(clock.now(), counter_offset=steps)


async def refused(platform: Platform, token: str) -> bool:
    return (await call(platform, "GET", "/auth/me", token)).status_code == 401


async def test_a_second_factor_is_enabled_required_and_disabled(platform: Platform, email: str) -> None:
    token = token_of(await login(platform, email, FIREFOX))
    started = await call(platform, "POST", "/auth/mfa/totp", token, {"password": PASSWORD})
    secret = started.json()["data"]["secret"]
    on = await call(platform, "POST", "/auth/mfa/totp/confirm", token, {"code": app_code(secret)})
    codes = on.json()["data"]["recovery_codes"]
    assert (await login(platform, email, FIREFOX)).json()["code"] == "otp_required"
    assert (await login(platform, email, FIREFOX, otp=app_code(secret, -1))).json()["code"] == "otp_invalid"
    token = token_of(await login(platform, email, FIREFOX, otp=app_code(secret, +1)))
    assert (await login(platform, email, FIREFOX, otp=codes[0])).status_code == 200
    off = await call(platform, "DELETE", "/auth/mfa/totp", token, {"password": PASSWORD, "code": codes[1]})
    assert off.status_code == 200, off.text
    assert (await login(platform, email, FIREFOX)).status_code == 200


async def test_the_owner_is_notified_of_a_new_device_and_ends_its_session(platform: Platform, email: str) -> None:
    here, there = [token_of(await login(platform, email, agent)) for agent in (FIREFOX, PHONE)]

    async def notified() -> list[str]:
        mine = [message for message in messages(platform.data) if message["To"] == email]
        return [str(message["Subject"]) for message in mine if "Chrome on Android" in str(message["Subject"])]

    assert await eventually(notified) == ["New sign-in to your account: Chrome on Android"]
    devices = (await call(platform, "GET", "/auth/devices", here)).json()["data"]
    [phone] = [device for device in devices if not device["is_current"]]
    assert (await call(platform, "DELETE", f"/auth/devices/{phone['id']}", here)).status_code == 200
    await eventually(lambda: refused(platform, there), within=5)
    assert not await refused(platform, here)


async def test_a_deleted_account_is_signed_out_and_an_administrator_restores_it(platform: Platform, email: str) -> None:
    signed_in = await login(platform, email, FIREFOX)
    token, user_id = token_of(signed_in), signed_in.json()["data"]["user"]["id"]
    assert (await call(platform, "DELETE", "/auth/me", token, {"password": PASSWORD})).status_code == 200
    await eventually(lambda: refused(platform, token), within=5)
    assert (await login(platform, email, FIREFOX)).json()["code"] == "invalid_credentials"
    admin = (await platform.admin()).token
    trail = (await call(platform, "GET", f"/auth/audit?account={user_id}&action=delete_account", admin)).json()["data"]
    assert [entry["outcome"] for entry in trail] == ["succeeded"]
    assert (await call(platform, "POST", f"/users/{user_id}/restore", admin)).status_code == 200
    assert (await login(platform, email, FIREFOX)).status_code == 200
