"""Sign-in by cookies: scripts cannot read the tokens, and other sites cannot use them."""

from http.cookies import SimpleCookie
from typing import Any

import httpx
import pytest
from services.auth.tests.harness import PASSWORD, AuthApi, bearer, claims, data, problem

from common.security.cookies import CSRF_HEADER, csrf_claim

SECRET = "a secret of at least thirty-two characters"


def jar(response: httpx.Response) -> SimpleCookie:
    return SimpleCookie("\r\n".join(response.headers.get_list("set-cookie")))


def sent(cookies: SimpleCookie, csrf: str | None = None) -> dict[str, str]:
    """The headers of a page that has these cookies."""
    given = {"Cookie": "; ".join(f"{name}={morsel.value}" for name, morsel in cookies.items())}
    return given | ({CSRF_HEADER: csrf} if csrf is not None else {})


async def signed_in(api: AuthApi) -> tuple[SimpleCookie, dict[str, Any]]:
    email = (await api.registered())["email"]
    body = {"email": email, "password": PASSWORD, "cookies": True}
    answer = await api.post("/auth/login", body)
    api.http.cookies.clear()
    return jar(answer), data(answer)


async def again(api: AuthApi, cookies: SimpleCookie, csrf: str | None) -> httpx.Response:
    answer = await api.post("/auth/refresh", headers=sent(cookies, csrf))
    api.http.cookies.clear()
    return answer


async def test_tokens_are_in_http_only_cookies_and_not_in_the_body(api: AuthApi) -> None:
    cookies, given = await signed_in(api)

    assert (given["access_token"], given["refresh_token"]) == (None, None)
    assert set(cookies) == {"dukan_access", "dukan_refresh", "dukan_csrf", "dukan_device"}
    assert {name for name, morsel in cookies.items() if not morsel["httponly"]} == {"dukan_csrf"}
    assert {(morsel["samesite"], morsel["domain"]) for morsel in cookies.values()} == {("lax", "")}
    assert {name for name, morsel in cookies.items() if morsel["path"] != "/"} == {"dukan_device"}
    assert cookies["dukan_device"]["path"] == "/api/v1/auth"
    assert given["csrf_token"] == cookies["dukan_csrf"].value
    access = {"access_token": cookies["dukan_access"].value}
    assert claims(access)["csrf"] == csrf_claim(given["csrf_token"])
    assert data(await api.get("/auth/me", access))["id"] == given["user"]["id"]


async def test_production_cookies_are_secure_and_host_only(start_api: Any) -> None:
    api = await start_api(
        mode="production",
        key_secret=SECRET,
        mail_secret=SECRET,
        media_secret=SECRET,
        amqp_url="amqp://localhost",
        issuer="https://shop.test",
        audience="shop",
        jwks_url="https://shop.test/jwks",
        auth_url="http://auth",
        trusted_proxies="10.0.0.0/8",
    )
    cookies, _ = await signed_in(api)

    host_only = {"__Host-dukan_access", "__Host-dukan_refresh", "__Host-dukan_csrf"}
    assert set(cookies) == {*host_only, "__Secure-dukan_device"}
    assert all(morsel["secure"] for morsel in cookies.values())


async def test_no_cookies_are_set_unless_requested(api: AuthApi) -> None:
    email = (await api.registered())["email"]
    answer = await api.login(email)
    assert "set-cookie" not in answer.headers
    assert answer.json()["data"]["csrf_token"] is None


async def test_a_page_refreshes_by_cookie_with_its_csrf_token(api: AuthApi) -> None:
    cookies, given = await signed_in(api)

    answer = await again(api, cookies, given["csrf_token"])

    assert data(answer)["refresh_token"] is None
    fresh = jar(answer)
    assert fresh["dukan_refresh"].value != cookies["dukan_refresh"].value
    assert fresh["dukan_csrf"].value == cookies["dukan_csrf"].value
    assert (await again(api, fresh, given["csrf_token"])).status_code == 200


async def test_refresh_and_sign_out_by_cookie_require_the_csrf_token(api: AuthApi) -> None:
    cookies, _ = await signed_in(api)
    _, others = await signed_in(api)

    for csrf in (None, "", "guessed", others["csrf_token"]):
        assert problem(await again(api, cookies, csrf), 403)[1] == "csrf"
        signing_out = await api.post("/auth/logout", headers=sent(cookies, csrf))
        assert problem(signing_out, 403)[1] == "csrf"
    access = {"access_token": cookies["dukan_access"].value}
    assert (await api.get("/auth/me", access)).status_code == 200


async def test_sign_out_by_cookie_deletes_the_cookies(api: AuthApi) -> None:
    cookies, given = await signed_in(api)

    answer = await api.post("/auth/logout", headers=sent(cookies, given["csrf_token"]))

    assert answer.status_code == 200
    assert {(morsel.value, morsel["max-age"]) for morsel in jar(answer).values()} == {("", "0")}
    assert problem(await again(api, cookies, given["csrf_token"]), 401)[1] == "refresh_token_invalid"
    access = {"access_token": cookies["dukan_access"].value}
    assert problem(await api.get("/auth/me", access), 401)[1] == "session_revoked"


async def test_sign_out_prefers_the_bearer_token_over_cookies(api: AuthApi) -> None:
    cookies, given = await signed_in(api)
    other = await api.signed_in()

    assert (await api.post("/auth/logout", headers=sent(cookies) | bearer(other))).status_code == 200

    assert problem(await api.get("/auth/me", other), 401)[1] == "session_revoked"
    assert (await again(api, cookies, given["csrf_token"])).status_code == 200


@pytest.mark.parametrize("planted", ["unknown", "x" * 5000])
async def test_an_unknown_refresh_cookie_is_rejected_and_deleted(api: AuthApi, planted: str) -> None:
    headers = {"Cookie": f"dukan_refresh={planted}", CSRF_HEADER: "whatever"}
    answer = await api.post("/auth/refresh", headers=headers)
    assert problem(answer, 401)[1] == "refresh_token_invalid"
    assert {(morsel.value, morsel["max-age"]) for morsel in jar(answer).values()} == {("", "0")}


async def test_a_rejected_token_in_the_body_keeps_the_cookies(api: AuthApi) -> None:
    cookies, given = await signed_in(api)
    answer = await api.post("/auth/refresh", {"refresh_token": "unknown"}, headers=sent(cookies, given["csrf_token"]))
    assert problem(answer, 401)[1] == "refresh_token_invalid"
    assert "set-cookie" not in answer.headers


async def test_a_refresh_without_a_token_names_the_missing_field(api: AuthApi) -> None:
    for body in (None, {}, {"refresh_token": None}):
        assert problem(await api.post("/auth/refresh", body), 422) == ("refresh_token", "refresh_token_missing")
