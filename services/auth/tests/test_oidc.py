"""Signing in with an account at another issuer, over HTTP to one that we run."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from services.auth.tests.conftest import OpenDoor
from services.auth.tests.factors import app_code, guarded, wrong_code
from services.auth.tests.fake_issuer import ASHA, FakeIssuer
from services.auth.tests.harness import PASSWORD, bearer, data, problem
from services.auth.tests.travelling import APP, Traveller, file_of, issuer, traveller

from common import clock
from common.contracts.auth import (
    EmailConfirmationRequested,
    EmailConfirmed,
    NewDeviceSeen,
    SecurityChanged,
    UserRegistered,
)

__all__ = ["issuer", "traveller"]

EMAIL = str(ASHA["email"])


async def confirmed(traveller: Traveller, email: str) -> dict[str, Any]:
    """An account here, by password, whose address was confirmed."""
    user = await traveller.door.registered(email=email)
    async with traveller.door.database.begin() as tx:
        await tx.sql.execute("UPDATE account SET email_confirmed = true WHERE email = $1", email)
    return user


async def test_somebody_new_gets_an_account_with_the_address_that_the_issuer_verified(traveller: Traveller) -> None:
    tokens = data(await traveller.sign_in(device_name="Asha's phone"))
    user = tokens["user"]
    assert (user["email"], user["email_confirmed"], user["first_name"]) == (EMAIL, True, "Asha")
    assert data(await traveller.door.get("/auth/me", tokens))["id"] == user["id"]
    told = [await traveller.door.told(event, user["id"]) for event in (UserRegistered, EmailConfirmed)]
    assert [len(events) for events in told] == [1, 1]
    assert await traveller.door.told(EmailConfirmationRequested, user["id"]) == []
    assert await traveller.door.told(SecurityChanged, user["id"]) == []
    assert await traveller.door.audited(user["id"], "sign_in") == ["succeeded"]
    assert [device["name"] for device in data(await traveller.door.get("/auth/devices", tokens))] == ["Asha's phone"]


async def test_who_came_once_comes_back_to_the_same_account_whatever_their_address_is_by_then(
    traveller: Traveller,
) -> None:
    first = data(await traveller.sign_in())
    traveller.issuer.person = {"sub": ASHA["sub"], "email": "asha@married.test", "email_verified": False}
    again = data(await traveller.sign_in(device_name="Another"))
    assert again["user"]["id"] == first["user"]["id"]
    assert again["user"]["email"] == EMAIL
    assert [seen.name for seen in await traveller.door.told(NewDeviceSeen, first["user"]["id"])] == ["Another"]


async def test_the_list_of_issuers_is_public_and_holds_no_secret(traveller: Traveller) -> None:
    listed = await traveller.door.get("/auth/oidc")
    assert data(listed) == [{"name": "company", "display_name": "Company account"}]


async def test_the_browser_is_sent_out_with_a_challenge_and_a_nonce_of_its_own_each_time(traveller: Traveller) -> None:
    first, second = await traveller.start(), await traveller.start()
    assert first["state"] != second["state"]
    assert 590 <= first["expires_in"] <= 600
    assert "code_challenge_method=S256" in first["authorization_url"]
    rows = await traveller.door.rows("SELECT * FROM oidc_flow")
    stored = b"".join(value if isinstance(value, bytes) else str(value).encode() for row in rows for value in row)
    for secret in (first["state"], second["state"]):
        assert secret.encode() not in stored


async def test_a_confirmed_account_with_the_verified_address_is_linked_and_its_owner_told(traveller: Traveller) -> None:
    user = await confirmed(traveller, EMAIL)
    tokens = data(await traveller.sign_in())
    assert tokens["user"]["id"] == user["id"]
    assert [event.what for event in await traveller.door.told(SecurityChanged, user["id"])] == ["identity_linked"]
    assert await traveller.door.audited(user["id"], "link_identity") == ["succeeded"]
    [identity] = data(await traveller.door.get("/auth/identities", tokens))
    assert (identity["provider"], identity["email"]) == ("company", EMAIL)
    assert (await traveller.door.login(EMAIL)).status_code == 200


async def test_an_account_whose_address_was_never_confirmed_is_not_linked(traveller: Traveller) -> None:
    planted = await traveller.door.registered(email=EMAIL)
    assert problem(await traveller.sign_in(), 409) == (None, "oidc_account_unconfirmed")
    assert await traveller.door.audited(planted["id"], "sign_in") == ["account_unconfirmed"]
    assert await traveller.door.rows("SELECT * FROM identity") == []


@pytest.mark.parametrize("verified", [False, None, "false", 0, "yes"])
async def test_an_address_that_the_issuer_did_not_verify_leads_to_no_account_that_exists(
    traveller: Traveller, verified: object
) -> None:
    await confirmed(traveller, EMAIL)
    traveller.issuer.person |= {"email_verified": verified}
    assert problem(await traveller.sign_in(), 403) == (None, "oidc_email_unverified")


async def test_nobody_learns_by_an_unverified_address_whether_it_has_an_account(
    open_door: OpenDoor, issuer: FakeIssuer, tmp_path: Path
) -> None:
    door = await open_door(oidc_file=file_of(tmp_path, issuer.url), reveals_account_existence=False)
    traveller = Traveller(door, issuer)
    await confirmed(traveller, EMAIL)
    refusals = []
    for email in (EMAIL, "nobody@company.test"):
        issuer.person = {"sub": email, "email": email, "email_verified": False}
        refused = await traveller.sign_in()
        refusals.append((refused.status_code, refused.json() | {"request_id": None}))
    assert refusals[0] == refusals[1]


async def test_an_unverified_address_of_nobody_gets_an_account_that_is_to_be_confirmed(traveller: Traveller) -> None:
    traveller.issuer.person |= {"email_verified": False}
    user = data(await traveller.sign_in())["user"]
    assert user["email_confirmed"] is False
    assert len(await traveller.door.told(EmailConfirmationRequested, user["id"])) == 1


@pytest.mark.parametrize("email", [None, "", "no address", 7, ["a@b.test"], "a@b.test\0"])
async def test_without_an_address_there_is_no_account(traveller: Traveller, email: object) -> None:
    traveller.issuer.person |= {"email": email}
    assert problem(await traveller.sign_in(), 403) == (None, "oidc_no_email")


async def test_an_issuer_that_calls_its_claims_otherwise_or_is_trusted_with_addresses_is_described_in_the_file(
    open_door: OpenDoor, issuer: FakeIssuer, tmp_path: Path
) -> None:
    more = 'trusts_email = true\nclaims = { email = "mail", last_name = "surname" }'
    door = await open_door(oidc_file=file_of(tmp_path, issuer.url, more))
    issuer.person = {"sub": "7", "mail": "Baraka@Company.test", "surname": "Mushi"}
    user = data(await Traveller(door, issuer).sign_in())["user"]
    assert (user["email"], user["last_name"], user["email_confirmed"]) == ("baraka@company.test", "Mushi", True)


async def test_the_second_factor_is_asked_for_and_the_issuer_not_asked_again(traveller: Traveller) -> None:
    owner = await guarded(traveller.door)
    async with traveller.door.database.begin() as tx:
        await tx.sql.execute("UPDATE account SET email_confirmed = true")
    traveller.issuer.person |= {"email": owner.email}
    back = await traveller.travel()
    assert problem(await traveller.finish(back), 401) == (None, "otp_required")
    assert await traveller.door.rows("SELECT * FROM identity") == [], "linked before the second factor"
    assert problem(await traveller.finish(back, otp=wrong_code(owner.secret)), 401) == (None, "otp_invalid")
    assert problem(await traveller.finish(back | {"code": "another"}, otp=app_code(owner.secret)), 422)[0] == "state"
    tokens = data(await traveller.finish(back, otp=app_code(owner.secret)))
    assert tokens["user"]["id"] == owner.id
    assert traveller.issuer.asked.count("token") == 1
    assert problem(await traveller.finish(back, otp=owner.recovery_codes[0]), 422)[0] == "state"


async def test_guesses_at_the_second_factor_are_slowed_down(traveller: Traveller) -> None:
    owner = await guarded(traveller.door)
    async with traveller.door.database.begin() as tx:
        await tx.sql.execute("UPDATE account SET email_confirmed = true")
    traveller.issuer.person |= {"email": owner.email}
    back = await traveller.travel()
    codes = [(await traveller.finish(back, otp=wrong_code(owner.secret))).json()["code"] for _ in range(7)]
    assert codes[-1] == "too_many_attempts"


@pytest.mark.parametrize("statement", ["is_active = false", "is_active = false, deleted_at = now()"])
async def test_a_closed_account_and_a_deleted_one_are_refused_alike(traveller: Traveller, statement: str) -> None:
    user = data(await traveller.sign_in())["user"]
    async with traveller.door.database.begin() as tx:
        await tx.sql.execute(f"UPDATE account SET {statement}")
    assert problem(await traveller.sign_in(), 403) == (None, "account_deactivated")
    assert await traveller.door.audited(user["id"], "sign_in") == ["succeeded", "closed"]
    traveller.issuer.person |= {"sub": "another identity with the same address"}
    assert problem(await traveller.sign_in(), 403) == (None, "account_deactivated")


async def test_who_has_no_password_signs_in_by_none_until_one_is_chosen(traveller: Traveller) -> None:
    tokens = data(await traveller.sign_in())
    for guess in ("", "erased", "None", PASSWORD):
        refused = await traveller.door.login(EMAIL, guess or "null")
        unknown = await traveller.door.login("nobody@company.test", guess or "null")
        assert (refused.status_code, refused.json()["code"]) == (unknown.status_code, unknown.json()["code"])
    change = {"current_password": PASSWORD, "new_password": "another horse battery"}
    assert (await traveller.door.act("/auth/password/change", tokens, change)).status_code == 422


async def test_a_state_is_good_once_for_its_provider_and_for_ten_minutes(
    traveller: Traveller, time: clock.FixedClock
) -> None:
    back = await traveller.travel()
    assert problem(await traveller.finish(back | {"state": "x" * 43}), 422) == ("state", "oidc_state_invalid")
    assert data(await traveller.finish(back))
    assert problem(await traveller.finish(back), 422) == ("state", "oidc_state_invalid")
    late = await traveller.travel()
    time.advance(timedelta(minutes=10, seconds=1))
    assert problem(await traveller.finish(late), 422) == ("state", "oidc_state_invalid")


async def test_of_two_who_bring_one_state_at_once_one_is_let_in(traveller: Traveller) -> None:
    back = await traveller.travel()
    answers = await asyncio.gather(*(traveller.finish(back) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 422, 422, 422]
    assert traveller.issuer.asked.count("token") == 1


async def test_two_first_sign_ins_at_once_make_one_account(traveller: Traveller) -> None:
    backs = [await traveller.travel() for _ in range(3)]
    answers = await asyncio.gather(*(traveller.finish(back) for back in backs))
    assert {data(answer)["user"]["id"] for answer in answers} == {data(answers[0])["user"]["id"]}


async def test_who_declines_at_the_issuer_is_told_so_and_may_not_go_on(traveller: Traveller) -> None:
    back = await traveller.travel()
    declined = {"state": back["state"], "error": "access_denied"}
    assert problem(await traveller.finish(declined), 403) == ("error", "oidc_denied")
    assert problem(await traveller.finish(back), 422) == ("state", "oidc_state_invalid")
    other = {"state": (await traveller.travel())["state"], "error": "login_required"}
    assert problem(await traveller.finish(other), 403) == ("error", "oidc_refused")
    assert problem(await traveller.finish({"state": "x"}), 422) == ("code", "oidc_code_missing")


async def test_an_unknown_issuer_is_not_found(traveller: Traveller) -> None:
    for path in ("start", "finish"):
        body = {"state": "x", "code": "y"}
        assert (
            problem(await traveller.door.post(f"/auth/oidc/elsewhere/{path}", body), 404)[1] == "oidc_unknown_provider"
        )


async def test_the_browser_comes_back_only_where_the_operator_allows_it(traveller: Traveller) -> None:
    assert data(await traveller.sign_in())
    back = await traveller.travel(redirect_uri=APP)
    assert data(await traveller.finish(back))
    for elsewhere in ("https://evil.example/", f"{APP}/", "javascript:alert(1)"):
        refused = await traveller.door.post("/auth/oidc/company/start", {"redirect_uri": elsewhere})
        assert problem(refused, 422) == ("redirect_uri", "oidc_redirect_not_allowed")


async def test_cookies_are_given_to_the_browser_that_started_and_to_no_other(traveller: Traveller) -> None:
    back = await traveller.travel()
    own = dict(traveller.door.http.cookies)
    traveller.door.http.cookies.clear()
    assert problem(await traveller.finish(back, cookies=True), 422)[0] == "state"
    traveller.door.http.cookies.update(own)
    answer = await traveller.finish(back, cookies=True)
    assert data(answer)["access_token"] is None
    assert {"dukan_access", "dukan_refresh", "dukan_csrf"} <= set(answer.cookies)


async def test_somebody_links_another_identity_after_proving_who_they_are_and_takes_it_away_again(
    traveller: Traveller, time: clock.FixedClock
) -> None:
    tokens = await traveller.door.signed_in()
    time.advance(timedelta(minutes=6))
    link = "/auth/oidc/company/link"
    assert problem(await traveller.door.act(link, tokens), 403)[1] == "step_up_required"
    assert problem(await traveller.door.act(link, tokens, {"password": "no"}), 422)[0] == "password"
    started = data(await traveller.door.act(link, tokens, {"password": PASSWORD}))
    back = await traveller.issuer.authorize(started["authorization_url"]) | {"provider": "company"}
    assert problem(await traveller.finish(back), 422)[0] == "state", "a link signs nobody in"
    stranger = await traveller.door.signed_in()
    assert problem(await traveller.door.act("/auth/identities", stranger, back), 422)[0] == "state"
    identity = data(await traveller.door.act("/auth/identities", tokens, back), 201)
    assert identity["other_sessions"] == 0
    assert data(await traveller.sign_in())["user"]["id"] == tokens["user"]["id"]

    path = f"/api/v1/auth/identities/{identity['id']}"
    assert (await traveller.door.http.delete(path, headers=bearer(stranger))).status_code == 404
    assert (await traveller.door.http.delete(path, headers=bearer(tokens))).status_code == 403
    removed = await traveller.door.http.request("DELETE", path, headers=bearer(tokens), json={"password": PASSWORD})
    assert removed.status_code == 200
    assert data(await traveller.door.get("/auth/identities", tokens)) == []
    assert await traveller.door.audited(tokens["user"]["id"], "unlink_identity") == ["succeeded"]


async def test_an_identity_signs_in_to_one_account(traveller: Traveller) -> None:
    await traveller.sign_in()
    tokens = await traveller.door.signed_in()
    started = data(await traveller.door.act("/auth/oidc/company/link", tokens, {"password": PASSWORD}))
    back = await traveller.issuer.authorize(started["authorization_url"]) | {"provider": "company"}
    assert problem(await traveller.door.act("/auth/identities", tokens, back), 409) == (None, "identity_taken")


async def test_the_last_way_in_cannot_be_taken_away(traveller: Traveller) -> None:
    tokens = data(await traveller.sign_in())
    [identity] = data(await traveller.door.get("/auth/identities", tokens))
    refused = await traveller.door.http.delete(f"/api/v1/auth/identities/{identity['id']}", headers=bearer(tokens))
    assert problem(refused, 409) == (None, "identity_needed")


async def test_our_own_page_signs_in_by_cookies_the_browser_that_started(traveller: Traveller) -> None:
    started = await traveller.start()
    back = await traveller.issuer.authorize(started["authorization_url"])
    page = await traveller.door.http.get("/api/v1/auth/oidc/company/callback", params=back)
    assert page.status_code == 200
    assert back["code"] in page.text
    assert traveller.issuer.asked.count("token") == 0, "a GET changes nothing"
    form = "/api/v1/auth/forms/oidc/company"
    done = await traveller.door.http.post(form, data=back)
    assert (done.status_code, "You are signed in" in done.text) == (200, True)
    assert "dukan_access" in done.cookies
    traveller.door.http.cookies.clear()
    planted = await traveller.door.http.post(form, data=await traveller.travel())
    assert planted.status_code == 200
    traveller.door.http.cookies.clear()
    back = await traveller.travel()
    traveller.door.http.cookies.clear()
    assert (await traveller.door.http.post(form, data=back)).status_code == 422
    hostile = await traveller.door.http.get("/api/v1/auth/oidc/company/callback", params={"state": '"><script>'})
    assert "<script>" not in hostile.text


async def test_what_is_kept_of_other_issuers_goes_with_the_account(
    traveller: Traveller, time: clock.FixedClock
) -> None:
    tokens = data(await traveller.sign_in())
    link = data(await traveller.door.act("/auth/oidc/company/link", tokens))
    assert link["state"]
    assert (await traveller.door.http.delete("/api/v1/auth/me", headers=bearer(tokens))).status_code == 200
    time.advance(timedelta(days=31))
    [erase] = [job for job in traveller.door.service.jobs if job.name == "auth.erase"]
    await erase.run()
    for table in ("identity", "oidc_flow"):
        assert await traveller.door.rows(f"SELECT * FROM {table}") == []
    assert data(await traveller.sign_in())["user"]["id"] != tokens["user"]["id"]
