"""API keys and login cookies on a running platform, through the gateway."""

from http.cookies import SimpleCookie
from typing import Any

import httpx

from common.security.cookies import CSRF_HEADER
from common.testing import eventually

from .platform import API, Customer, Platform

PASSWORD = "a sentence that nobody guesses"


async def _key(owner: Customer, *scopes: str, **wish: Any) -> dict[str, Any]:
    made = await owner.post("/api-keys", {"name": "Till", "scopes": list(scopes)} | wish)
    assert made.status_code == 201, made.text
    key: dict[str, Any] = made.json()["data"]
    return key


async def _using(platform: Platform, key: str, verb: str, path: str, body: Any = None) -> httpx.Response:
    headers = {"Authorization": f"ApiKey {key}", "Idempotency-Key": path}
    return await platform.http.request(verb, f"{API}{path}", json=body, headers=headers)


async def test_a_key_is_created_used_revoked_and_rejected(platform: Platform) -> None:
    owner = await platform.customer()
    key = await _key(owner, "read")
    assert (await _using(platform, key["key"], "GET", "/orders")).status_code == 200
    assert (await _using(platform, key["key"], "GET", "/auth/me")).json()["data"]["id"] == owner.id
    assert (await owner.data(f"/api-keys/{key['id']}"))["last_used_at"] is not None

    headers = {"Authorization": f"Bearer {owner.token}"}
    assert (await platform.http.delete(f"{API}/api-keys/{key['id']}", headers=headers)).status_code == 200

    async def refused() -> bool:
        return (await _using(platform, key["key"], "GET", "/orders")).status_code == 401

    await eventually(refused, within=10)
    assert (await _using(platform, key["key"], "GET", "/orders")).json()["code"] == "api_key_revoked"


async def test_scopes_limit_a_key_in_every_service(platform: Platform) -> None:
    owner = await platform.customer()
    reader, cart = await _key(owner, "read"), await _key(owner, "orders:read", "orders:write")
    line = {"product_id": await platform.product(stock=5), "quantity": 1}

    refused = await _using(platform, reader["key"], "POST", "/cart/items", line)
    assert (refused.status_code, refused.json()["code"]) == (403, "insufficient_scope")
    assert (await _using(platform, cart["key"], "POST", "/cart/items", line)).status_code == 201
    for path in ("/payments", "/notifications", "/auth/me", "/messages"):
        answer = await _using(platform, cart["key"], "GET", path)
        assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope"), path
        assert (await _using(platform, reader["key"], "GET", path)).status_code == 200, path
    another = {"name": "Another", "scopes": ["read"]}
    assert (await _using(platform, cart["key"], "POST", "/api-keys", another)).status_code == 403


async def test_a_rotated_key_and_a_daily_limit(platform: Platform) -> None:
    owner = await platform.customer()
    old = await _key(owner, "read", daily_limit=3)
    new = (await owner.post(f"/api-keys/{old['id']}/rotate")).json()["data"]

    answers = [await _using(platform, key["key"], "GET", "/orders") for key in (old, new, old, new)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[-1].json()["code"] == "daily_limit_reached"
    assert int(answers[-1].headers["retry-after"]) > 0


async def test_no_key_is_in_the_journal_or_in_the_databases(platform: Platform) -> None:
    owner = await platform.customer()
    key = await _key(owner, "read")
    assert (await _using(platform, key["key"], "GET", "/orders")).status_code == 200
    await owner.http.delete(f"{API}/api-keys/{key['id']}", headers={"Authorization": f"Bearer {owner.token}"})
    admin = await platform.admin()

    async def journaled() -> Any:
        return await admin.data("/events", type="auth.api_key.revoked.v1")

    events = await eventually(journaled)
    secret = key["key"].removeprefix(f"{key['prefix']}_")
    assert secret not in str(events)
    assert secret not in (platform.data / "up.log").read_text()
    assert secret not in str(await platform.sql("auth", "SELECT row_to_json(api_key)::text FROM api_key"))
    assert secret not in str(await platform.sql("auth", "SELECT row_to_json(audit)::text FROM audit"))


async def test_a_browser_signs_in_by_cookies_and_other_sites_cannot_use_them(platform: Platform) -> None:
    customer = await platform.customer()
    email = f"by-cookie-{customer.id}@example.com"
    await platform.http.post(f"{API}/auth/register", json={"email": email, "password": PASSWORD})
    body = {"email": email, "password": PASSWORD, "cookies": True}
    async with httpx.AsyncClient(base_url=platform.url, timeout=30, trust_env=False) as browser:
        answer = await browser.post(f"{API}/auth/login", json=body)
        assert answer.json()["data"]["access_token"] is None
        csrf = {CSRF_HEADER: browser.cookies["dukan_csrf"]}
        line = {"product_id": await platform.product(stock=5), "quantity": 1}

        assert (await browser.get(f"{API}/auth/me")).json()["data"]["email"] == email
        refused = await browser.post(f"{API}/cart/items", json=line)
        assert (refused.status_code, refused.json()["code"]) == (403, "csrf")
        assert (await browser.post(f"{API}/cart/items", json=line, headers=csrf)).status_code == 201
        # An access cookie that has expired is gone from the browser.
        browser.cookies.delete("dukan_access")
        assert (await browser.post(f"{API}/auth/refresh")).status_code == 403
        assert (await browser.post(f"{API}/auth/refresh", headers=csrf)).status_code == 200
        kept = dict(browser.cookies)
        signed_out = await browser.post(f"{API}/auth/logout", headers=csrf)
        assert signed_out.status_code == 200, signed_out.text
        assert set(SimpleCookie("\r\n".join(signed_out.headers.get_list("set-cookie")))) == set(kept) - {"dukan_device"}

    async def signed_out_everywhere() -> bool:
        cookies = {"Cookie": "; ".join(f"{name}={value}" for name, value in kept.items())}
        return (await platform.http.get(f"{API}/auth/me", headers=cookies)).status_code == 401

    await eventually(signed_out_everywhere, within=10)
