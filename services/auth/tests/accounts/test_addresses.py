"""One form of e-mail addresses, usernames and names on every way in."""

from typing import Any
from urllib.parse import quote

import pytest
from services.auth.tests.emails import confirm, emails_to, request_reset, verify
from services.auth.tests.harness import PASSWORD, AuthApi, data, problem

UNICODE, PUNYCODE = "neema@bücher.example", "Neema@XN--BCHER-KVA.Example"
TAKEN = {"available": False}


async def test_an_internationalised_domain_is_one_account_in_both_spellings(api: AuthApi) -> None:
    user = await api.registered(email=PUNYCODE)
    assert user["email"] == UNICODE
    for spelling in (UNICODE, PUNYCODE, "neema@BU\u0308CHER.example"):
        assert problem(await api.post("/auth/register", {"email": spelling, "password": PASSWORD}), 409)[0] == "email"
        assert data(await api.post("/auth/check-email", {"email": spelling})) == TAKEN
        assert data(await api.login(spelling))["user"]["id"] == user["id"]
    [sent] = await emails_to(api, user, "confirm_email")
    data(await confirm(api, {"email": PUNYCODE}, sent.code))
    reset = await request_reset(api, {**user, "email": PUNYCODE})
    data(await verify(api, user, reset.code))


async def test_staff_find_an_internationalised_domain_in_both_spellings(api: AuthApi) -> None:
    admin, user = await api.admin(), await api.registered(email=UNICODE)
    for search in ("bücher", "xn--bcher-kva", "NEEMA@xn--bcher-kva.example"):
        found = data(await api.get(f"/users?search={quote(search)}", admin))
        assert [each["id"] for each in found] == [user["id"]], search
    body = {"email": PUNYCODE, "password": PASSWORD}
    assert problem(await api.act("/users", admin, body), 409) == ("email", "email_taken")


async def test_guesses_count_together_in_all_spellings(api: AuthApi) -> None:
    await api.registered(email=UNICODE)
    spellings = [UNICODE, PUNYCODE, UNICODE.upper(), f" {UNICODE}", PUNYCODE.lower(), UNICODE]
    assert [(await api.login(each, "a wrong guess")).status_code for each in spellings] == [401] * 5 + [429]


async def test_a_change_of_address_and_a_pre_registration_store_the_same_form(api: AuthApi) -> None:
    admin, tokens = await api.admin(), await api.signed_in()
    data(await api.act("/auth/email/change", tokens, {"email": PUNYCODE}), 202)
    [sent] = await emails_to(api, tokens["user"], "change_email")
    data(await api.act("/auth/email/change/confirm", tokens, {"code": sent.code}))
    assert data(await api.get("/auth/me", tokens))["email"] == UNICODE
    for spelling in (UNICODE, PUNYCODE):
        data(await api.post("/auth/pre-register", {"email": spelling, "first_name": "علی\u200cرضا"}), 202)
    [stored] = data(await api.get("/auth/pre-register", admin))
    assert (stored["email"], stored["first_name"]) == (UNICODE, "علی\u200cرضا")


BODIES: list[tuple[str, dict[str, Any]]] = [
    ("/auth/register", {"password": PASSWORD}),
    ("/auth/check-email", {}),
    ("/auth/pre-register", {}),
    ("/auth/otp/send", {}),
    ("/auth/email/confirmation", {}),
]


@pytest.mark.parametrize(
    "address",
    ["müller@exämple.com", "mi\u212ae@shop.test", "neema@localhost", "neema@ｓhop.test", "neema@exam\u00adple.com"],
)
async def test_what_no_mail_can_reach_is_refused_everywhere(api: AuthApi, address: str) -> None:
    for path, body in BODIES:
        assert problem(await api.post(path, {**body, "email": address}), 422) == ("email", "invalid_email"), path
    admin = await api.admin()
    assert problem(await api.act("/users", admin, {"email": address, "password": PASSWORD}), 422)[0] == "email"
    assert problem(await api.act("/auth/email/change", admin, {"email": address}), 422)[0] == "email"


async def test_a_look_alike_of_an_address_is_not_that_account(api: AuthApi) -> None:
    await api.registered(email="mike@shop.test", username="mikek")
    for look_alike in ("mi\u212ae@shop.test", "m\u0131ke@shop.test", "ｍike@shop.test", "mi\u212aek", "mikeK\u200b"):
        assert problem(await api.login(look_alike), 401)[1] == "invalid_credentials"


@pytest.mark.parametrize("stored", ["müller@exämple.com", "owner@shop.local", "straße@bücher.example"])
async def test_an_address_that_an_older_version_accepted_still_signs_in(api: AuthApi, stored: str) -> None:
    user = await api.registered()
    await api.rows("UPDATE account SET email = $1 WHERE email = $2", stored, user["email"])
    for written in (stored, f" {stored.title()} "):
        tokens = data(await api.login(written))
        assert data(await api.get("/auth/me", tokens))["email"] == stored


async def test_a_pre_registration_of_an_older_version_is_still_listed(api: AuthApi) -> None:
    admin = await api.admin()
    data(await api.post("/auth/pre-register", {"email": "a@shop.test"}), 202)
    await api.rows("UPDATE pre_registration SET email = 'müller@exämple.com', first_name = E'\\u202eeman'")
    [stored] = data(await api.get("/auth/pre-register", admin))
    assert stored["email"] == "müller@exämple.com"


async def test_a_reserved_username_is_given_by_staff_only(api: AuthApi) -> None:
    admin, body = await api.admin(), {"password": PASSWORD}
    for number, username in enumerate(("admin", "S.u.p.p.o.r.t", "r00t")):
        account = {**body, "email": f"person{number}@shop.test", "username": username}
        assert problem(await api.post("/auth/register", account), 422) == ("username", "username_reserved")
        assert data(await api.act("/users", admin, account), 201)["username"] == username


@pytest.mark.parametrize("name", ["علی\u200cرضا", "O\u2019Brien", "Nguyễn", "山田\u3000太郎", "श्री"])
async def test_names_of_all_scripts_are_kept(api: AuthApi, name: str) -> None:
    tokens = await api.signed_in((await api.registered(first_name=name, last_name=name))["email"])
    changed = data(await api.patch("/auth/me", {"first_name": name, "city": name, "address": name}, tokens))
    assert {changed[field] for field in ("first_name", "last_name", "city", "address")} == {name}


async def test_a_birth_date_has_one_code_for_all_that_is_no_date(api: AuthApi) -> None:
    tokens = await api.signed_in()
    for day in ("2000-02-31", "2000-13-01", "31.01.2000", "2000-01-01T00:00:00Z", 946684800, True):
        answer = await api.patch("/auth/me", {"birth_date": day}, tokens)
        assert problem(answer, 422) == ("birth_date", "invalid_date"), day
    for day in ("1899-12-31", "2999-01-01"):
        answer = await api.patch("/auth/me", {"birth_date": day}, tokens)
        assert problem(answer, 422) == ("birth_date", "invalid_date")
