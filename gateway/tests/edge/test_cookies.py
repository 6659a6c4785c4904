"""Login cookies at the gateway: a bearer token for the service, after the page has shown that it is ours."""

from typing import Any

import pytest

from common.security.cookies import csrf_claim
from common.testing import TestIssuer

from .behind import Behind
from .conftest import Door, OpenDoor

ORDERS = "/api/v1/orders"
CSRF = "of-this-session"


def page(tokens: TestIssuer, csrf: str | None = CSRF, prefix: str = "", **claims: Any) -> dict[str, str]:
    """What a signed-in page sends; its script adds the header."""
    said: dict[str, Any] = {"csrf": csrf_claim(CSRF)} | claims
    token = tokens.token(**said)
    cookies = f"theme=dark; {prefix}dukan_access={token}; {prefix}dukan_csrf={CSRF}"
    return {"Cookie": cookies} | ({"X-CSRF-Token": csrf} if csrf is not None else {})


def access(headers: dict[str, str]) -> str:
    return headers["Cookie"].partition("dukan_access=")[2].partition(";")[0]


async def test_a_service_gets_the_token_of_the_cookie_and_no_cookie(
    door: Door, behind: Behind, tokens: TestIssuer
) -> None:
    headers = page(tokens, csrf=None)
    assert (await door.client.get(ORDERS, headers=headers)).status_code == 200

    [seen] = behind.seen
    assert seen.one("authorization") == f"Bearer {access(headers)}"
    assert seen.one("cookie") is None


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_a_page_of_ours_changes_things_and_another_sites_does_not(
    door: Door, behind: Behind, tokens: TestIssuer, method: str
) -> None:
    assert (await door.client.request(method, ORDERS, headers=page(tokens))).status_code == 200
    assert len(behind.seen) == 1
    for csrf in (None, "", "guessed", CSRF.upper()):
        refused = await door.client.request(method, ORDERS, headers=page(tokens, csrf=csrf))
        assert (refused.status_code, refused.json()["code"]) == (403, "csrf")
    assert len(behind.seen) == 1


async def test_a_planted_csrf_cookie_is_good_for_nothing(door: Door, behind: Behind, tokens: TestIssuer) -> None:
    for claims in ({"csrf": csrf_claim("of another session")}, {"csrf": None}, {"csrf": ""}):
        refused = await door.client.post(ORDERS, headers=page(tokens, **claims))
        assert (refused.status_code, refused.json()["code"]) == (403, "csrf")
    assert behind.seen == []


async def test_a_header_wins_over_cookies_and_needs_no_csrf_token(
    door: Door, behind: Behind, tokens: TestIssuer
) -> None:
    bearer = tokens.bearer()
    sent = await door.client.post(ORDERS, headers=page(tokens, csrf=None) | bearer)

    assert sent.status_code == 200
    assert behind.seen[0].one("authorization") == bearer["Authorization"]
    refused = await door.client.get(ORDERS, headers=page(tokens) | {"Authorization": "Bearer rubbish"})
    assert refused.status_code == 401


@pytest.mark.parametrize("cookie", ["dukan_access=rubbish", "dukan_access=", "dukan_access", ";;=;", "theme=dark"])
async def test_cookies_that_sign_nobody_in_leave_the_request_anonymous(door: Door, behind: Behind, cookie: str) -> None:
    assert (await door.client.post(ORDERS, headers={"Cookie": cookie})).status_code == 200
    [seen] = behind.seen
    assert (seen.one("authorization"), seen.one("cookie")) == (None, None)


async def test_auth_gets_the_cookies_because_it_reads_the_refresh_token(door: Door, behind: Behind) -> None:
    headers = {"Cookie": "dukan_refresh=x; dukan_access=expired", "X-CSRF-Token": CSRF}
    assert (await door.client.post("/api/v1/auth/refresh", headers=headers)).status_code == 200
    [seen] = behind.seen
    assert (seen.one("cookie"), seen.one("x-csrf-token")) == (headers["Cookie"], CSRF)


async def test_a_webhook_gets_no_cookie_either(door: Door, behind: Behind, tokens: TestIssuer) -> None:
    await door.client.post("/api/v1/webhooks/polar", headers=page(tokens, csrf=None))
    [seen] = behind.seen
    assert (seen.one("authorization"), seen.one("cookie")) == (None, None)


async def test_a_cookie_of_https_is_known_and_goes_before_a_plain_one(
    door: Door, behind: Behind, tokens: TestIssuer
) -> None:
    safe, plain = page(tokens, prefix="__Host-"), page(tokens)
    both = {"Cookie": f"{plain['Cookie']}; {safe['Cookie']}", "X-CSRF-Token": CSRF}

    assert (await door.client.post(ORDERS, headers=both)).status_code == 200
    safe_token = safe["Cookie"].partition("__Host-dukan_access=")[2].partition(";")[0]
    assert behind.seen[0].one("authorization") == f"Bearer {safe_token}"


async def test_in_production_a_plain_cookie_signs_nobody_in(
    open_door: OpenDoor, behind: Behind, tokens: TestIssuer
) -> None:
    settings = {"mode": "production", "amqp_url": "amqp://localhost", "issuer": "https://dukan.local"}
    door = await open_door(**settings, audience="dukan", jwks_url=f"{behind.url}/api/v1/.well-known/jwks.json")

    await door.client.get(ORDERS, headers=page(tokens))
    await door.client.get(ORDERS, headers=page(tokens, prefix="__Host-"))

    assert [seen.one("authorization") is None for seen in behind.seen] == [True, False]
