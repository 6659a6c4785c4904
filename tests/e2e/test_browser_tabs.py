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
    """What a page has: the browser's cookies, and the CSRF token that it was given."""

    shop: Platform
    cookies: SimpleCookie
    csrf: str

    async def refresh(self) -> "Tab":
        answer = await self.send("POST", "/auth/refresh")
        assert answer.status_code == 200, answer.text
        return Tab(self.shop, jar(answer), self.csrf)

    async def send(self, method: str, path: str) -> httpx.Response:
        cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in self.cookies.items())
        # A client of its own: one that keeps cookies would send those of another tab.
        async with httpx.AsyncClient(base_url=self.shop.url, timeout=30, trust_env=False) as http:
            return await http.request(method, f"{API}{path}", headers={"Cookie": cookies, "X-CSRF-Token": self.csrf})


def jar(answer: httpx.Response) -> SimpleCookie:
    return SimpleCookie("\r\n".join(answer.headers.get_list("set-cookie")))


async def opened(shop: Platform) -> Tab:
    """The first tab of somebody who has just signed in."""
    account = {"email": f"{uuid4().hex}@shop.test", "password": PASSWORD}
    async with httpx.AsyncClient(base_url=shop.url, timeout=30, trust_env=False) as http:
        assert (await http.post(f"{API}/auth/register", json=account)).status_code == 201
        answer = await http.post(f"{API}/auth/login", json=account | {"cookies": True})
    return Tab(shop, jar(answer), answer.json()["data"]["csrf_token"])


async def test_fifty_tabs_that_refresh_at_once_all_stay_signed_in(shop: Platform) -> None:
    tab = await opened(shop)
    for _ in range(3):
        tabs = await asyncio.gather(*(tab.refresh() for _ in range(TABS)))
        assert len({each.cookies["dukan_refresh"].value for each in tabs}) == 1
        shown = await asyncio.gather(*(each.send("GET", "/auth/me") for each in tabs))
        assert {answer.status_code for answer in shown} == {200}
        tab = tabs[0]


async def test_an_old_refresh_token_that_was_stolen_ends_the_family_for_thief_and_owner(shop: Platform) -> None:
    stolen = await opened(shop)
    tab = await (await stolen.refresh()).refresh()
    answer = await stolen.send("POST", "/auth/refresh")
    assert (answer.status_code, answer.json()["code"]) == (401, "refresh_token_invalid")

    async def is_out() -> bool:
        return (await tab.send("GET", "/auth/me")).status_code == 401

    await eventually(is_out, within=10)
    assert (await tab.send("POST", "/auth/refresh")).status_code == 401
