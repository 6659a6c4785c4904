"""A browser with many tabs: all of them refresh at the same moment, with the same cookies."""

import asyncio
from dataclasses import dataclass
from http.cookies import SimpleCookie
from uuid import uuid4

import httpx

from common.testing import eventually

from .platform import API, Platform

TABS = 50
PASSWORD = "correct horse battery"


@dataclass
class Tab:
    """A page: the browser's cookies, and the CSRF token that it received."""

    platform: Platform
    cookies: SimpleCookie
    csrf: str

    async def refresh(self) -> "Tab":
        answer = await self.send("POST", "/auth/refresh")
        assert answer.status_code == 200, answer.text
        return Tab(self.platform, jar(answer), self.csrf)

    async def send(self, method: str, path: str) -> httpx.Response:
        cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in self.cookies.items())
        # A separate client: a client with a cookie jar would send another tab's cookies.
        async with httpx.AsyncClient(base_url=self.platform.url, timeout=30, trust_env=False) as http:
            return await http.request(method, f"{API}{path}", headers={"Cookie": cookies, "X-CSRF-Token": self.csrf})


def jar(answer: httpx.Response) -> SimpleCookie:
    return SimpleCookie("\r\n".join(answer.headers.get_list("set-cookie")))


async def opened(platform: Platform) -> Tab:
    """The first tab, just signed in."""
    account = {"email": f"{uuid4().hex}@shop.test", "password": PASSWORD}
    async with httpx.AsyncClient(base_url=platform.url, timeout=30, trust_env=False) as http:
        assert (await http.post(f"{API}/auth/register", json=account)).status_code == 201
        answer = await http.post(f"{API}/auth/login", json=account | {"cookies": True})
    return Tab(platform, jar(answer), answer.json()["data"]["csrf_token"])


async def test_fifty_tabs_that_refresh_at_once_all_stay_signed_in(platform: Platform) -> None:
    tab = await opened(platform)
    for _ in range(3):
        tabs = await asyncio.gather(*(tab.refresh() for _ in range(TABS)))
        assert len({each.cookies["dukan_refresh"].value for each in tabs}) == 1
        shown = await asyncio.gather(*(each.send("GET", "/auth/me") for each in tabs))
        assert {answer.status_code for answer in shown} == {200}
        tab = tabs[0]


async def test_reuse_of_an_old_refresh_token_ends_the_whole_token_family(platform: Platform) -> None:
    stolen = await opened(platform)
    tab = await (await stolen.refresh()).refresh()
    answer = await stolen.send("POST", "/auth/refresh")
    assert (answer.status_code, answer.json()["code"]) == (401, "refresh_token_invalid")

    async def is_out() -> bool:
        return (await tab.send("GET", "/auth/me")).status_code == 401

    await eventually(is_out, within=10)
    assert (await tab.send("POST", "/auth/refresh")).status_code == 401
