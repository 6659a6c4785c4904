"""A forgotten password and a changed one."""

from services.auth.tests.emails import emails_to, request_reset, verify
from services.auth.tests.factors import app_code, guarded, wrong_code
from services.auth.tests.harness import PASSWORD, Door, bearer, data, problem

from common.contracts.auth import PasswordChanged, SessionRevoked

NEW = "another good secret"
STALE = ("token", "token_invalid")


async def test_a_reset_by_code_ends_every_session_and_the_new_password_opens(door: Door) -> None:
    old = await door.signed_in()
    user = old["user"]
    grant = data(await verify(door, user, (await request_reset(door, user)).code))["grant"]
    data(await door.post("/auth/password/reset", {"grant": grant, "new_password": NEW}))
    assert (await door.get("/auth/me", old)).status_code == 401
    assert (await door.refresh(old["refresh_token"])).status_code == 401
    assert (await door.login(user["email"], PASSWORD)).status_code == 401
    assert (await door.signed_in(user["email"], NEW))["user"]["email_confirmed"] is True
    assert [event.reason for event in await door.told(SessionRevoked, user["id"])] == ["password_reset"]
    assert len(await door.told(PasswordChanged, user["id"])) == 1
    again = {"grant": grant, "new_password": "yet another secret"}
    assert problem(await door.post("/auth/password/reset", again), 422) == STALE


async def test_a_reset_by_link_needs_the_forms_post_because_scanners_follow_links(door: Door) -> None:
    user = await door.registered()
    sent = await request_reset(door, user)
    path = sent.link.removeprefix("https://dukan.local")
    for _ in range(2):
        page = await door.http.get(path)
        assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
        assert 'action="../forms/password/reset"' in page.text
    assert (await door.login(user["email"])).status_code == 200
    form = {"token": sent.token, "new_password": NEW}
    done = await door.http.post("/api/v1/auth/forms/password/reset", data=form)
    assert (done.status_code, "is changed" in done.text) == (200, True)
    assert (await door.login(user["email"], NEW)).status_code == 200
    again = await door.http.post("/api/v1/auth/forms/password/reset", data=form)
    assert (again.status_code, "too old" in again.text) == (422, True)


async def test_an_address_is_confirmed_by_the_page_of_its_link(door: Door) -> None:
    user = await door.registered()
    [sent] = await emails_to(door, user, "confirm_email")
    path = sent.link.removeprefix("https://dukan.local")
    assert (await door.http.get(path)).status_code == 200
    assert not (await door.signed_in(user["email"]))["user"]["email_confirmed"]
    done = await door.http.post("/api/v1/auth/forms/email/confirm", data={"token": sent.token})
    assert (done.status_code, "is confirmed" in done.text) == (200, True)
    assert (await door.signed_in(user["email"]))["user"]["email_confirmed"]


async def test_hostile_tokens_and_forms_break_no_page(door: Door) -> None:
    page = await door.http.get("/api/v1/auth/password/reset", params={"token": '"><script>alert(1)</script>'})
    assert "<script" not in page.text
    for path in ("/auth/forms/email/confirm", "/auth/forms/password/reset"):
        for content in (
            b"",
            b"\xff\xfe",
            b"token=",
            b"token=x&new_password=",
            b"a=1&" * 50,
            b"token=%00&new_password=x",
        ):
            answer = await door.http.post(f"/api/v1{path}", content=content)
            assert (answer.status_code, answer.headers["content-type"]) == (422, "text/html; charset=utf-8")


async def test_a_weak_new_password_is_refused_by_name_and_uses_nothing_up(door: Door) -> None:
    user = await door.registered()
    sent = await request_reset(door, user)
    weak = await door.post("/auth/password/reset", {"token": sent.token, "new_password": "short"})
    assert problem(weak, 422) == ("new_password", "password_too_short")
    data(await door.post("/auth/password/reset", {"token": sent.token, "new_password": NEW}))


async def test_a_closed_account_gets_no_letter_and_its_old_one_opens_nothing(door: Door) -> None:
    user = await door.registered()
    sent = await request_reset(door, user)
    data(await door.act(f"/users/{user['id']}/deactivate", await door.admin()))
    data(await door.post("/auth/otp/send", {"email": user["email"]}), 202)
    assert len(await emails_to(door, user, "reset_password")) == 1
    body = {"token": sent.token, "new_password": NEW}
    assert problem(await door.post("/auth/password/reset", body), 422) == STALE


async def test_neither_a_reset_nor_a_change_goes_around_the_second_factor(door: Door) -> None:
    owner = await guarded(door)
    sent = await request_reset(door, {"id": owner.id, "email": owner.email})
    change = {"current_password": PASSWORD, "new_password": NEW}
    assert problem(await door.act("/auth/password/change", owner.tokens, change), 422) == ("code", "otp_required")
    wrong = change | {"code": wrong_code(owner.secret)}
    assert problem(await door.act("/auth/password/change", owner.tokens, wrong), 422) == ("code", "code_invalid")
    data(await door.post("/auth/password/reset", {"token": sent.token, "new_password": NEW}))
    assert problem(await door.login(owner.email, NEW), 401)[1] == "otp_required"
    again = {"email": owner.email, "password": NEW, "otp": app_code(owner.secret)}
    tokens = data(await door.post("/auth/login", again))
    known = {"current_password": NEW, "new_password": PASSWORD, "code": owner.recovery_codes[0]}
    data(await door.act("/auth/password/change", tokens, known))


async def test_a_change_ends_the_other_sessions_and_open_resets(door: Door) -> None:
    here = await door.signed_in()
    user = here["user"]
    there = await door.signed_in(user["email"])
    sent = await request_reset(door, user)
    data(await door.act("/auth/password/change", here, {"current_password": PASSWORD, "new_password": NEW}))
    assert (await door.get("/auth/me", here)).status_code == 200
    assert (await door.get("/auth/me", there)).status_code == 401
    assert (await door.refresh(there["refresh_token"])).status_code == 401
    assert (await door.login(user["email"], NEW)).status_code == 200
    body = {"token": sent.token, "new_password": "yet another secret"}
    assert problem(await door.post("/auth/password/reset", body), 422) == STALE
    assert len(await door.told(PasswordChanged, user["id"])) == 1


async def test_a_stolen_session_guesses_the_password_five_times_and_changes_nothing(door: Door) -> None:
    tokens = await door.signed_in()
    body = {"current_password": "a wrong guess", "new_password": NEW}
    answers = [await door.act("/auth/password/change", tokens, body) for _ in range(5)]
    assert {problem(answer, 422) for answer in answers} == {("current_password", "wrong_password")}
    right = {"current_password": PASSWORD, "new_password": NEW}
    assert problem(await door.act("/auth/password/change", tokens, right), 429) == (None, "too_many_attempts")
    assert (await door.login(tokens["user"]["email"])).status_code == 200
    weak = {"current_password": PASSWORD, "new_password": "12345678"}
    assert problem(await door.act("/auth/password/change", tokens, weak), 422)[0] == "new_password"


async def test_administrators_see_who_asked_for_a_reset_and_what_came_of_it(door: Door) -> None:
    user = await door.registered()
    await request_reset(door, user)
    grant = data(await verify(door, user, (await request_reset(door, user)).code))["grant"]
    data(await door.post("/auth/password/reset", {"grant": grant, "new_password": NEW}))
    data(await door.post("/auth/otp/send", {"email": "nobody@shop.test"}), 202)
    admin = await door.admin()
    history = data(await door.get("/auth/password/resets", admin))
    assert [(row["email"], row["outcome"]) for row in history] == [
        (None, "open"),
        (user["email"], "used"),
        (user["email"], "superseded"),
    ]
    first = (await door.get("/auth/password/resets?limit=2", admin)).json()
    rest = await door.get(f"/auth/password/resets?limit=2&cursor={first['meta']['next_cursor']}", admin)
    assert [row["outcome"] for row in data(rest)] == ["superseded"]
    assert (await door.get("/auth/password/resets", await door.signed_in())).status_code == 403


async def test_addresses_before_the_opening_are_kept_once_and_exported_harmlessly(door: Door) -> None:
    for name in ("=HYPERLINK(1)", 'Asha, of "Mwanza"', "Asha"):
        body = {"email": "early@shop.test", "first_name": name}
        data(await door.post("/auth/pre-register", body), 202)
    data(await door.post("/auth/pre-register", {"email": "+late@shop.test"}), 202)
    admin = await door.admin()
    listed = await door.get("/auth/pre-register?page_size=1", admin)
    assert [row["email"] for row in data(listed)] == ["+late@shop.test"]
    assert listed.json()["meta"]["total"] == 2
    exported = await door.http.get("/api/v1/auth/pre-register", headers=bearer(admin) | {"Accept": "text/csv"})
    assert exported.headers["content-type"] == "text/csv; charset=utf-8"
    lines = exported.text.splitlines()
    assert lines[0] == "email,first_name,last_name,created_at"
    assert lines[1].startswith("early@shop.test,'=HYPERLINK(1),,20")
    assert lines[2].startswith("'+late@shop.test,,,20")
    assert (await door.get("/auth/pre-register", await door.signed_in())).status_code == 403


async def test_where_existence_is_told_a_free_address_is_said_to_be_free(door: Door) -> None:
    user = await door.registered()
    assert data(await door.post("/auth/check-email", {"email": user["email"]})) == {"available": False}
    assert data(await door.post("/auth/check-email", {"email": "free@shop.test"})) == {"available": True}
