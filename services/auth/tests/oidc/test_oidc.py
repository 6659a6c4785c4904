"""Sign-in with another issuer, over HTTP to a real one."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from services.auth.tests.conftest import StartApi
from services.auth.tests.harness import PASSWORD, bearer, data, problem
from services.auth.tests.oidc.browser import APP, Browser, browser, file_of, issuer
from services.auth.tests.oidc.fake_issuer import ASHA, FakeIssuer
from services.auth.tests.totp.factors import app_code, totp_user, wrong_code

from auth.tokens import digest
from common import clock
from common.contracts.auth import (
    EmailConfirmationRequested,
    EmailConfirmed,
    NewDeviceSeen,
    SecurityChanged,
    UserRegistered,
)

__all__ = ["browser", "issuer"]

EMAIL = str(ASHA["email"])


async def confirmed(browser: Browser, email: str) -> dict[str, Any]:
    """An account here, by password, whose address was confirmed."""
    user = await browser.api.registered(email=email)
    async with browser.api.database.begin() as tx:
        await tx.sql.execute("UPDATE account SET email_confirmed = true WHERE email = $1", email)
    return user


async def test_a_new_identity_gets_an_account_with_the_verified_address(browser: Browser) -> None:
    tokens = data(await browser.sign_in(device_name="Asha's phone"))
    user = tokens["user"]
    assert (user["email"], user["email_confirmed"], user["first_name"]) == (EMAIL, True, "Asha")
    assert data(await browser.api.get("/auth/me", tokens))["id"] == user["id"]
    for event in (UserRegistered, EmailConfirmed):
        assert len(await browser.api.published(event, user["id"])) == 1
    assert await browser.api.published(EmailConfirmationRequested, user["id"]) == []
    assert await browser.api.published(SecurityChanged, user["id"]) == []
    assert await browser.api.audited(user["id"], "sign_in") == ["succeeded"]
    assert [device["name"] for device in data(await browser.api.get("/auth/devices", tokens))] == ["Asha's phone"]


async def test_a_known_identity_signs_in_to_its_account_after_its_address_changed(
    browser: Browser,
) -> None:
    first = data(await browser.sign_in())
    browser.issuer.person = {"sub": ASHA["sub"], "email": "asha@married.test", "email_verified": False}
    again = data(await browser.sign_in(device_name="Another"))
    assert again["user"]["id"] == first["user"]["id"]
    assert again["user"]["email"] == EMAIL
    assert [seen.name for seen in await browser.api.published(NewDeviceSeen, first["user"]["id"])] == ["Another"]


async def test_the_list_of_issuers_is_public_and_holds_no_secret(browser: Browser) -> None:
    listed = await browser.api.get("/auth/oidc")
    assert data(listed) == [{"name": "company", "display_name": "Company account"}]


async def test_every_authorization_request_has_its_own_state_and_challenge(browser: Browser) -> None:
    first, second = await browser.start(), await browser.start()
    assert first["state"] != second["state"]
    assert 590 <= first["expires_in"] <= 600
    assert "code_challenge_method=S256" in first["authorization_url"]
    rows = await browser.api.rows("SELECT * FROM oidc_flow")
    stored = b"".join(value if isinstance(value, bytes) else str(value).encode() for row in rows for value in row)
    for secret in (first["state"], second["state"]):
        assert secret.encode() not in stored


async def test_a_confirmed_account_with_the_verified_address_is_linked_and_its_owner_notified(browser: Browser) -> None:
    user = await confirmed(browser, EMAIL)
    tokens = data(await browser.sign_in())
    assert tokens["user"]["id"] == user["id"]
    assert [event.what for event in await browser.api.published(SecurityChanged, user["id"])] == ["identity_linked"]
    assert await browser.api.audited(user["id"], "link_identity") == ["succeeded"]
    [identity] = data(await browser.api.get("/auth/identities", tokens))
    assert (identity["provider"], identity["email"]) == ("company", EMAIL)
    assert (await browser.api.login(EMAIL)).status_code == 200


async def test_an_account_whose_address_was_never_confirmed_is_not_linked(browser: Browser) -> None:
    planted = await browser.api.registered(email=EMAIL)
    assert problem(await browser.sign_in(), 409) == (None, "oidc_account_unconfirmed")
    assert await browser.api.audited(planted["id"], "sign_in") == ["account_unconfirmed"]
    assert await browser.api.rows("SELECT * FROM identity") == []


@pytest.mark.parametrize("verified", [False, None, "false", 0, "yes"])
async def test_an_unverified_address_does_not_sign_in_to_an_existing_account(
    browser: Browser, verified: object
) -> None:
    await confirmed(browser, EMAIL)
    browser.issuer.person |= {"email_verified": verified}
    assert problem(await browser.sign_in(), 403) == (None, "oidc_email_unverified")


async def test_an_unverified_address_does_not_reveal_an_account(
    start_api: StartApi, issuer: FakeIssuer, tmp_path: Path
) -> None:
    api = await start_api(oidc_file=file_of(tmp_path, issuer.url), reveals_account_existence=False)
    browser = Browser(api, issuer)
    await confirmed(browser, EMAIL)
    rejections = []
    for email in (EMAIL, "nobody@company.test"):
        issuer.person = {"sub": email, "email": email, "email_verified": False}
        rejected = await browser.sign_in()
        rejections.append((rejected.status_code, rejected.json() | {"request_id": None}))
    assert rejections[0] == rejections[1]


async def test_a_free_unverified_address_gets_an_unconfirmed_account(browser: Browser) -> None:
    browser.issuer.person |= {"email_verified": False}
    user = data(await browser.sign_in())["user"]
    assert user["email_confirmed"] is False
    assert len(await browser.api.published(EmailConfirmationRequested, user["id"])) == 1


@pytest.mark.parametrize("email", [None, "", "no address", 7, ["a@b.test"], "a@b.test\0"])
async def test_without_an_address_there_is_no_account(browser: Browser, email: object) -> None:
    browser.issuer.person |= {"email": email}
    assert problem(await browser.sign_in(), 403) == (None, "oidc_no_email")


async def test_the_file_can_map_claims_and_trust_addresses(
    start_api: StartApi, issuer: FakeIssuer, tmp_path: Path
) -> None:
    more = 'trusts_email = true\nclaims = { email = "mail", last_name = "surname" }'
    api = await start_api(oidc_file=file_of(tmp_path, issuer.url, more))
    issuer.person = {"sub": "7", "mail": "Baraka@Company.test", "surname": "Mushi"}
    user = data(await Browser(api, issuer).sign_in())["user"]
    assert (user["email"], user["last_name"], user["email_confirmed"]) == ("baraka@company.test", "Mushi", True)


async def test_the_second_factor_is_required_and_the_issuer_asked_once(browser: Browser) -> None:
    owner = await totp_user(browser.api)
    async with browser.api.database.begin() as tx:
        await tx.sql.execute("UPDATE account SET email_confirmed = true")
    browser.issuer.person |= {"email": owner.email}
    back = await browser.authorize()
    assert problem(await browser.finish(back), 401) == (None, "otp_required")
    assert await browser.api.rows("SELECT * FROM identity") == [], "linked before the second factor"
    assert problem(await browser.finish(back, otp=wrong_code(owner.secret)), 401) == (None, "otp_invalid")
    assert problem(await browser.finish(back | {"code": "another"}, otp=app_code(owner.secret)), 422)[0] == "state"
    tokens = data(await browser.finish(back, otp=app_code(owner.secret)))
    assert tokens["user"]["id"] == owner.id
    assert browser.issuer.requests.count("token") == 1
    assert problem(await browser.finish(back, otp=owner.recovery_codes[0]), 422)[0] == "state"


async def test_an_identity_that_an_earlier_version_sealed_makes_the_state_invalid(browser: Browser) -> None:
    owner = await totp_user(browser.api)
    async with browser.api.database.begin() as tx:
        await tx.sql.execute("UPDATE account SET email_confirmed = true")
    browser.issuer.person |= {"email": owner.email}
    back = await browser.authorize()
    assert problem(await browser.finish(back), 401) == (None, "otp_required")
    state_hash = digest(back["state"])
    earlier = json.dumps({"code": digest(back["code"]).hex(), "stranger": {}}).encode()
    sealed = browser.api.services.vault.seal(earlier, f"oidc:outcome:{state_hash.hex()}")
    async with browser.api.database.begin() as tx:
        changed = await tx.sql.execute("UPDATE oidc_flow SET outcome = $1 WHERE state_hash = $2", sealed, state_hash)
    assert changed == "UPDATE 1"
    assert problem(await browser.finish(back, otp=app_code(owner.secret)), 422) == ("state", "oidc_state_invalid")


async def test_guesses_at_the_second_factor_are_slowed_down(browser: Browser) -> None:
    owner = await totp_user(browser.api)
    async with browser.api.database.begin() as tx:
        await tx.sql.execute("UPDATE account SET email_confirmed = true")
    browser.issuer.person |= {"email": owner.email}
    back = await browser.authorize()
    codes = [(await browser.finish(back, otp=wrong_code(owner.secret))).json()["code"] for _ in range(7)]
    assert codes[-1] == "too_many_attempts"


@pytest.mark.parametrize("statement", ["is_active = false", "is_active = false, deleted_at = now()"])
async def test_closed_and_deleted_accounts_get_the_same_error(browser: Browser, statement: str) -> None:
    user = data(await browser.sign_in())["user"]
    async with browser.api.database.begin() as tx:
        await tx.sql.execute(f"UPDATE account SET {statement}")
    assert problem(await browser.sign_in(), 403) == (None, "account_deactivated")
    assert await browser.api.audited(user["id"], "sign_in") == ["succeeded", "closed"]
    browser.issuer.person |= {"sub": "another identity with the same address"}
    assert problem(await browser.sign_in(), 403) == (None, "account_deactivated")


async def test_an_account_without_a_password_cannot_sign_in_by_password_until_it_sets_one(browser: Browser) -> None:
    tokens = data(await browser.sign_in())
    for guess in ("", "erased", "None", PASSWORD):
        rejected = await browser.api.login(EMAIL, guess or "null")
        unknown = await browser.api.login("nobody@company.test", guess or "null")
        assert (rejected.status_code, rejected.json()["code"]) == (unknown.status_code, unknown.json()["code"])
    change = {"current_password": PASSWORD, "new_password": "another horse battery"}
    assert (await browser.api.act("/auth/password/change", tokens, change)).status_code == 422


async def test_a_state_is_valid_once_for_its_provider_and_for_ten_minutes(
    browser: Browser, time: clock.FixedClock
) -> None:
    back = await browser.authorize()
    assert problem(await browser.finish(back | {"state": "x" * 43}), 422) == ("state", "oidc_state_invalid")
    assert data(await browser.finish(back))
    assert problem(await browser.finish(back), 422) == ("state", "oidc_state_invalid")
    late = await browser.authorize()
    time.advance(timedelta(minutes=10, seconds=1))
    assert problem(await browser.finish(late), 422) == ("state", "oidc_state_invalid")


async def test_of_two_concurrent_callbacks_with_one_state_one_signs_in(browser: Browser) -> None:
    back = await browser.authorize()
    answers = await asyncio.gather(*(browser.finish(back) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 422, 422, 422]
    assert browser.issuer.requests.count("token") == 1


async def test_two_first_sign_ins_at_once_make_one_account(browser: Browser) -> None:
    backs = [await browser.authorize() for _ in range(3)]
    answers = await asyncio.gather(*(browser.finish(back) for back in backs))
    assert {data(answer)["user"]["id"] for answer in answers} == {data(answers[0])["user"]["id"]}


async def test_a_callback_with_an_error_ends_the_sign_in(browser: Browser) -> None:
    back = await browser.authorize()
    declined = {"state": back["state"], "error": "access_denied"}
    assert problem(await browser.finish(declined), 403) == ("error", "oidc_denied")
    assert problem(await browser.finish(back), 422) == ("state", "oidc_state_invalid")
    other = {"state": (await browser.authorize())["state"], "error": "login_required"}
    assert problem(await browser.finish(other), 403) == ("error", "oidc_refused")
    assert problem(await browser.finish({"state": "x"}), 422) == ("code", "oidc_code_missing")


async def test_an_unknown_issuer_is_not_found(browser: Browser) -> None:
    for path in ("start", "finish"):
        body = {"state": "x", "code": "y"}
        assert problem(await browser.api.post(f"/auth/oidc/elsewhere/{path}", body), 404)[1] == "oidc_unknown_provider"


async def test_only_allowed_redirect_uris_are_accepted(browser: Browser) -> None:
    assert data(await browser.sign_in())
    back = await browser.authorize(redirect_uri=APP)
    assert data(await browser.finish(back))
    for elsewhere in ("https://evil.example/", f"{APP}/", "javascript:alert(1)"):
        rejected = await browser.api.post("/auth/oidc/company/start", {"redirect_uri": elsewhere})
        assert problem(rejected, 422) == ("redirect_uri", "oidc_redirect_not_allowed")


async def test_only_the_browser_that_started_gets_cookies(browser: Browser) -> None:
    back = await browser.authorize()
    own = dict(browser.api.http.cookies)
    browser.api.http.cookies.clear()
    assert problem(await browser.finish(back, cookies=True), 422)[0] == "state"
    browser.api.http.cookies.update(own)
    answer = await browser.finish(back, cookies=True)
    assert data(answer)["access_token"] is None
    assert {"dukan_access", "dukan_refresh", "dukan_csrf"} <= set(answer.cookies)


async def test_a_user_links_and_unlinks_an_identity_after_a_recent_authentication(
    browser: Browser, time: clock.FixedClock
) -> None:
    tokens = await browser.api.signed_in()
    time.advance(timedelta(minutes=6))
    link = "/auth/oidc/company/link"
    assert problem(await browser.api.act(link, tokens), 403)[1] == "step_up_required"
    assert problem(await browser.api.act(link, tokens, {"password": "no"}), 422)[0] == "password"
    started = data(await browser.api.act(link, tokens, {"password": PASSWORD}))
    back = await browser.issuer.authorize(started["authorization_url"]) | {"provider": "company"}
    sign_in = {name: value for name, value in back.items() if name != "provider"}
    assert problem(await browser.finish(sign_in), 422)[0] == "state", "a link does not sign in"
    other_user = await browser.api.signed_in()
    assert problem(await browser.api.act("/auth/identities", other_user, back), 422)[0] == "state"
    identity = data(await browser.api.act("/auth/identities", tokens, back), 201)
    assert identity["other_sessions"] == 0
    assert data(await browser.sign_in())["user"]["id"] == tokens["user"]["id"]

    path = f"/api/v1/auth/identities/{identity['id']}"
    assert (await browser.api.http.delete(path, headers=bearer(other_user))).status_code == 404
    assert (await browser.api.http.delete(path, headers=bearer(tokens))).status_code == 403
    removed = await browser.api.http.request("DELETE", path, headers=bearer(tokens), json={"password": PASSWORD})
    assert removed.status_code == 200
    assert data(await browser.api.get("/auth/identities", tokens)) == []
    assert await browser.api.audited(tokens["user"]["id"], "unlink_identity") == ["succeeded"]


async def test_an_identity_signs_in_to_one_account(browser: Browser) -> None:
    await browser.sign_in()
    tokens = await browser.api.signed_in()
    started = data(await browser.api.act("/auth/oidc/company/link", tokens, {"password": PASSWORD}))
    back = await browser.issuer.authorize(started["authorization_url"]) | {"provider": "company"}
    assert problem(await browser.api.act("/auth/identities", tokens, back), 409) == (None, "identity_taken")


async def test_the_last_way_to_sign_in_cannot_be_removed(browser: Browser) -> None:
    tokens = data(await browser.sign_in())
    [identity] = data(await browser.api.get("/auth/identities", tokens))
    rejected = await browser.api.http.delete(f"/api/v1/auth/identities/{identity['id']}", headers=bearer(tokens))
    assert problem(rejected, 409) == (None, "identity_needed")


async def test_the_callback_page_signs_in_the_browser_that_started_by_cookies(browser: Browser) -> None:
    started = await browser.start()
    back = await browser.issuer.authorize(started["authorization_url"])
    page = await browser.api.http.get("/api/v1/auth/oidc/company/callback", params=back)
    assert page.status_code == 200
    assert back["code"] in page.text
    assert browser.issuer.requests.count("token") == 0, "a GET changes nothing"
    form = "/api/v1/auth/forms/oidc/company"
    done = await browser.api.http.post(form, data=back)
    assert (done.status_code, "You are signed in" in done.text) == (200, True)
    assert "dukan_access" in done.cookies
    browser.api.http.cookies.clear()
    planted = await browser.api.http.post(form, data=await browser.authorize())
    assert planted.status_code == 200
    browser.api.http.cookies.clear()
    back = await browser.authorize()
    browser.api.http.cookies.clear()
    assert (await browser.api.http.post(form, data=back)).status_code == 422
    hostile = await browser.api.http.get("/api/v1/auth/oidc/company/callback", params={"state": '"><script>'})
    assert "<script>" not in hostile.text


async def test_erasing_an_account_deletes_its_identities_and_pending_sign_ins(
    browser: Browser, time: clock.FixedClock
) -> None:
    tokens = data(await browser.sign_in())
    link = data(await browser.api.act("/auth/oidc/company/link", tokens))
    assert link["state"]
    assert (await browser.api.http.delete("/api/v1/auth/me", headers=bearer(tokens))).status_code == 200
    time.advance(timedelta(days=31))
    [erase] = [job for job in browser.api.service.jobs if job.name == "auth.erase"]
    await erase.run()
    for table in ("identity", "oidc_flow"):
        assert await browser.api.rows(f"SELECT * FROM {table}") == []
    assert data(await browser.sign_in())["user"]["id"] != tokens["user"]["id"]
