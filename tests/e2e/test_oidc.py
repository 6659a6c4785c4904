"""Sign-in with an OpenID Connect issuer, in a browser and in an app, through the gateway and over real HTTP."""

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from services.auth.tests.oidc.browser import APP, file_of
from services.auth.tests.oidc.fake_issuer import ASHA, FakeIssuer, fake_issuer

from .platform import API, Platform


@dataclass
class Place:
    platform: Platform
    issuer: FakeIssuer

    async def travel(self, browser: httpx.AsyncClient, **body: Any) -> dict[str, str]:
        started = await browser.post(f"{API}/auth/oidc/company/start", json=body)
        assert started.status_code == 200, started.text
        return await self.issuer.authorize(started.json()["data"]["authorization_url"])


@pytest.fixture(scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    folder: Path = tmp_path_factory.mktemp("oidc")
    async with fake_issuer() as issuer:
        env = os.environ | {"DUKAN_OIDC_FILE": file_of(folder, issuer.url)}
        platform = Platform(folder / "data", None, env=env)
        try:
            await platform.start()
            yield Place(platform, issuer)
        finally:
            await platform.stop()


@pytest.fixture
async def browser(place: Place) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=place.platform.url, timeout=30, trust_env=False) as client:
        yield client


async def test_an_app_signs_in_and_its_token_works_everywhere(place: Place, browser: httpx.AsyncClient) -> None:
    back = await place.travel(browser, redirect_uri=APP)
    finished = await browser.post(f"{API}/auth/oidc/company/finish", json=back)
    assert finished.status_code == 200, finished.text
    headers = {"Authorization": f"Bearer {finished.json()['data']['access_token']}"}
    me = await browser.get(f"{API}/auth/me", headers=headers)
    assert me.json()["data"]["email"] == ASHA["email"]
    assert (await browser.get(f"{API}/cart", headers=headers)).status_code == 200
    [identity] = (await browser.get(f"{API}/auth/identities", headers=headers)).json()["data"]
    assert identity["provider"] == "company"


async def test_a_browser_is_signed_in_by_cookies_after_the_callback(place: Place, browser: httpx.AsyncClient) -> None:
    back = await place.travel(browser)
    page = await browser.get(f"{API}/auth/oidc/company/callback", params=back)
    assert page.status_code == 200, page.text
    done = await browser.post(f"{API}/auth/forms/oidc/company", data=back)
    assert done.status_code == 200, done.text
    assert (await browser.get(f"{API}/auth/me")).json()["data"]["email"] == ASHA["email"]


async def test_a_planted_callback_link_does_not_sign_in_to_another_account(
    place: Place, browser: httpx.AsyncClient
) -> None:
    planted = await place.travel(place.platform.http)
    refused = await browser.post(f"{API}/auth/forms/oidc/company", data=planted)
    assert refused.status_code == 422, refused.text
    assert (await browser.get(f"{API}/auth/me")).status_code == 401
