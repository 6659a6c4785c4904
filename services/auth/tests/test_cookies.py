"""Signing in by cookies: scripts of a page never see what signs in, other sites' pages can do nothing with it."""

from http.cookies import SimpleCookie
from typing import Any

import httpx
import pytest
from services.auth.tests.harness import PASSWORD, Door, bearer, claims, data, problem

from common.security.cookies import CSRF_HEADER, csrf_claim

SECRET = "a secret of at least thirty-two characters"


def jar(response: httpx.Response) -> SimpleCookie:
    return SimpleCookie("\r\n".join(response.headers.get_list("set-cookie")))


def sent(cookies: SimpleCookie, csrf: str | None = None) -> dict[str, str]:
    """The headers of a page that has these cookies."""
    given = {"Cookie": "; ".join(f"{name}={morsel.value}" for name, morsel in cookies.items())}
    return given | ({CSRF_HEADER: csrf} if csrf is not None else {})


async def signed_in(door: Door) -> tuple[SimpleCookie, dict[str, Any]]:
    email = (await door.registered())["email"]
    body = {"email": email, "password": PASSWORD, "cookies": True}
    answer = await door.post("/auth/login", body)
    door.http.cookies.clear()
    return jar(answer), data(answer)


async def again(door: Door, cookies: SimpleCookie, csrf: str | None) -> httpx.Response:
    answer = await door.post("/auth/refresh", headers=sent(cookies, csrf))
    door.http.cookies.clear()
    return answer


async def test_tokens_are_in_cookies_that_no_script_reads_and_nowhere_else(door: Door) -> None:
    cookies, given = await signed_in(door)

    assert (given["access_token"], given["refresh_token"]) == (None, None)
    assert set(cookies) == {"dukan_access", "dukan_refresh", "dukan_csrf"}
    assert {name for name, morsel in cookies.items() if morsel["httponly"]} == {"dukan_access", "dukan_refresh"}
    assert {(morsel["samesite"], morsel["path"], morsel["domain"]) for morsel in cookies.values()} == {("lax", "/", "")}
    assert given["csrf_token"] == cookies["dukan_csrf"].value
    access = {"access_token": cookies["dukan_access"].value}
    assert claims(access)["csrf"] == csrf_claim(given["csrf_token"])
    assert data(await door.get("/auth/me", access))["id"] == given["user"]["id"]


async def test_outside_local_mode_cookies_are_bound_to_https_and_this_host(open_door: Any) -> None:
    door = await open_door(
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
    cookies, _ = await signed_in(door)

    assert set(cookies) == {"__Host-dukan_access", "__Host-dukan_refresh", "__Host-dukan_csrf"}
    assert all(morsel["secure"] for morsel in cookies.values())


async def test_without_being_asked_nothing_is_left_in_cookies(door: Door) -> None:
    email = (await door.registered())["email"]
    answer = await door.login(email)
    assert "set-cookie" not in answer.headers
    assert answer.json()["data"]["csrf_token"] is None


async def test_a_page_refreshes_by_cookie_with_its_csrf_token(door: Door) -> None:
    cookies, given = await signed_in(door)

    answer = await again(door, cookies, given["csrf_token"])

    assert data(answer)["refresh_token"] is None
    fresh = jar(answer)
    assert fresh["dukan_refresh"].value != cookies["dukan_refresh"].value
    assert fresh["dukan_csrf"].value == cookies["dukan_csrf"].value
    assert (await again(door, fresh, given["csrf_token"])).status_code == 200


async def test_another_sites_page_can_neither_refresh_nor_sign_out(door: Door) -> None:
    cookies, _ = await signed_in(door)
    _, others = await signed_in(door)

    for csrf in (None, "", "guessed", others["csrf_token"]):
        assert problem(await again(door, cookies, csrf), 403)[1] == "csrf"
        signing_out = await door.post("/auth/logout", headers=sent(cookies, csrf))
        assert problem(signing_out, 403)[1] == "csrf"
    access = {"access_token": cookies["dukan_access"].value}
    assert (await door.get("/auth/me", access)).status_code == 200


async def test_a_page_signs_out_by_cookie_and_keeps_none(door: Door) -> None:
    cookies, given = await signed_in(door)

    answer = await door.post("/auth/logout", headers=sent(cookies, given["csrf_token"]))

    assert answer.status_code == 200
    assert {(morsel.value, morsel["max-age"]) for morsel in jar(answer).values()} == {("", "0")}
    assert problem(await again(door, cookies, given["csrf_token"]), 401)[1] == "refresh_token_invalid"
    access = {"access_token": cookies["dukan_access"].value}
    assert problem(await door.get("/auth/me", access), 401)[1] == "session_revoked"


async def test_a_token_in_the_header_says_who_signs_out_whatever_the_cookies_say(door: Door) -> None:
    cookies, given = await signed_in(door)
    other = await door.signed_in()

    assert (await door.post("/auth/logout", headers=sent(cookies) | bearer(other))).status_code == 200

    assert problem(await door.get("/auth/me", other), 401)[1] == "session_revoked"
    assert (await again(door, cookies, given["csrf_token"])).status_code == 200


@pytest.mark.parametrize("planted", ["unknown", "x" * 5000])
async def test_a_refresh_cookie_that_is_nobodys_is_refused_and_taken_away(door: Door, planted: str) -> None:
    headers = {"Cookie": f"dukan_refresh={planted}", CSRF_HEADER: "whatever"}
    answer = await door.post("/auth/refresh", headers=headers)
    assert problem(answer, 401)[1] == "refresh_token_invalid"
    assert {(morsel.value, morsel["max-age"]) for morsel in jar(answer).values()} == {("", "0")}


async def test_a_refused_token_of_the_body_leaves_the_cookies_alone(door: Door) -> None:
    cookies, given = await signed_in(door)
    answer = await door.post("/auth/refresh", {"refresh_token": "unknown"}, headers=sent(cookies, given["csrf_token"]))
    assert problem(answer, 401)[1] == "refresh_token_invalid"
    assert "set-cookie" not in answer.headers


async def test_a_refresh_without_any_token_names_what_is_missing(door: Door) -> None:
    for body in (None, {}, {"refresh_token": None}):
        assert problem(await door.post("/auth/refresh", body), 422) == ("refresh_token", "refresh_token_missing")
