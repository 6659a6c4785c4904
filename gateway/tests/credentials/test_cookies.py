"""Login cookies: the service gets a bearer token, and unsafe methods need the CSRF token."""

from typing import Any

import pytest
from fake_upstream import FakeUpstream
from gateway_harness import OpenGateway, RunningGateway

from common.security.cookies import csrf_claim
from common.testing import TestIssuer

ORDERS = "/api/v1/orders"
CSRF = "of-this-session"


def page_headers(tokens: TestIssuer, csrf: str | None = CSRF, prefix: str = "", **claims: Any) -> dict[str, str]:
    """The headers of a signed-in page; its script adds the CSRF token."""
    values: dict[str, Any] = {"csrf": csrf_claim(CSRF)} | claims
    token = tokens.token(**values)
    cookies = f"theme=dark; {prefix}dukan_access={token}; {prefix}dukan_csrf={CSRF}"
    return {"Cookie": cookies} | ({"X-CSRF-Token": csrf} if csrf is not None else {})


def access(headers: dict[str, str]) -> str:
    return headers["Cookie"].partition("dukan_access=")[2].partition(";")[0]


async def test_a_service_gets_the_token_from_the_cookie_but_no_cookie(
    gateway: RunningGateway, upstream: FakeUpstream, tokens: TestIssuer
) -> None:
    headers = page_headers(tokens, csrf=None)
    assert (await gateway.client.get(ORDERS, headers=headers)).status_code == 200

    [request] = upstream.requests
    assert request.header("authorization") == f"Bearer {access(headers)}"
    assert request.header("cookie") is None


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_unsafe_methods_with_cookies_need_the_csrf_token(
    gateway: RunningGateway, upstream: FakeUpstream, tokens: TestIssuer, method: str
) -> None:
    assert (await gateway.client.request(method, ORDERS, headers=page_headers(tokens))).status_code == 200
    assert len(upstream.requests) == 1
    for csrf in (None, "", "guessed", CSRF.upper()):
        rejected = await gateway.client.request(method, ORDERS, headers=page_headers(tokens, csrf=csrf))
        assert (rejected.status_code, rejected.json()["code"]) == (403, "csrf")
    assert len(upstream.requests) == 1


async def test_a_csrf_cookie_of_another_session_is_rejected(
    gateway: RunningGateway, upstream: FakeUpstream, tokens: TestIssuer
) -> None:
    for claims in ({"csrf": csrf_claim("of another session")}, {"csrf": None}, {"csrf": ""}):
        rejected = await gateway.client.post(ORDERS, headers=page_headers(tokens, **claims))
        assert (rejected.status_code, rejected.json()["code"]) == (403, "csrf")
    assert upstream.requests == []


async def test_a_header_wins_over_cookies_and_needs_no_csrf_token(
    gateway: RunningGateway, upstream: FakeUpstream, tokens: TestIssuer
) -> None:
    bearer = tokens.bearer()
    sent = await gateway.client.post(ORDERS, headers=page_headers(tokens, csrf=None) | bearer)

    assert sent.status_code == 200
    assert upstream.requests[0].header("authorization") == bearer["Authorization"]
    rejected = await gateway.client.get(ORDERS, headers=page_headers(tokens) | {"Authorization": "Bearer rubbish"})
    assert rejected.status_code == 401


@pytest.mark.parametrize("cookie", ["dukan_access=rubbish", "dukan_access=", "dukan_access", ";;=;", "theme=dark"])
async def test_invalid_login_cookies_leave_the_request_anonymous(
    gateway: RunningGateway, upstream: FakeUpstream, cookie: str
) -> None:
    assert (await gateway.client.post(ORDERS, headers={"Cookie": cookie})).status_code == 200
    [request] = upstream.requests
    assert (request.header("authorization"), request.header("cookie")) == (None, None)


async def test_auth_gets_the_cookies_with_the_refresh_token(gateway: RunningGateway, upstream: FakeUpstream) -> None:
    headers = {"Cookie": "dukan_refresh=x; dukan_access=expired", "X-CSRF-Token": CSRF}
    assert (await gateway.client.post("/api/v1/auth/refresh", headers=headers)).status_code == 200
    [request] = upstream.requests
    assert (request.header("cookie"), request.header("x-csrf-token")) == (headers["Cookie"], CSRF)


async def test_a_webhook_gets_no_cookie(gateway: RunningGateway, upstream: FakeUpstream, tokens: TestIssuer) -> None:
    await gateway.client.post("/api/v1/webhooks/stripe", headers=page_headers(tokens, csrf=None))
    [request] = upstream.requests
    assert (request.header("authorization"), request.header("cookie")) == (None, None)


async def test_the_cookie_with_the_host_prefix_wins_over_the_plain_one(
    gateway: RunningGateway, upstream: FakeUpstream, tokens: TestIssuer
) -> None:
    prefixed, plain = page_headers(tokens, prefix="__Host-"), page_headers(tokens)
    both = {"Cookie": f"{plain['Cookie']}; {prefixed['Cookie']}", "X-CSRF-Token": CSRF}

    assert (await gateway.client.post(ORDERS, headers=both)).status_code == 200
    token = prefixed["Cookie"].partition("__Host-dukan_access=")[2].partition(";")[0]
    assert upstream.requests[0].header("authorization") == f"Bearer {token}"


async def test_production_ignores_cookies_without_the_host_prefix(
    open_gateway: OpenGateway, upstream: FakeUpstream, tokens: TestIssuer
) -> None:
    settings = {"mode": "production", "amqp_url": "amqp://localhost", "issuer": "https://dukan.local"}
    gateway = await open_gateway(**settings, audience="dukan", jwks_url=f"{upstream.url}/api/v1/.well-known/jwks.json")

    await gateway.client.get(ORDERS, headers=page_headers(tokens))
    await gateway.client.get(ORDERS, headers=page_headers(tokens, prefix="__Host-"))

    assert [request.header("authorization") is None for request in upstream.requests] == [True, False]
