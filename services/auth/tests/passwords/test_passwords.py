"""Password reset and change."""

from services.auth.tests.emails import emails_to, request_reset, verify
from services.auth.tests.harness import PASSWORD, AuthApi, data, problem
from services.auth.tests.totp.factors import app_code, totp_user, wrong_code

from common.contracts.auth import PasswordChanged, SessionRevoked

NEW = "another good secret"
STALE = ("token", "token_invalid")


async def test_a_reset_by_code_ends_every_session_and_sets_the_password(api: AuthApi) -> None:
    old = await api.signed_in()
    user = old["user"]
    grant = data(await verify(api, user, (await request_reset(api, user)).code))["grant"]
    data(await api.post("/auth/password/reset", {"grant": grant, "new_password": NEW}))
    assert (await api.get("/auth/me", old)).status_code == 401
    assert (await api.refresh(old["refresh_token"])).status_code == 401
    assert (await api.login(user["email"], PASSWORD)).status_code == 401
    assert (await api.signed_in(user["email"], NEW))["user"]["email_confirmed"] is True
    assert [event.reason for event in await api.published(SessionRevoked, user["id"])] == ["password_reset"]
    assert len(await api.published(PasswordChanged, user["id"])) == 1
    again = {"grant": grant, "new_password": "yet another secret"}
    assert problem(await api.post("/auth/password/reset", again), 422) == STALE


async def test_only_the_post_of_a_reset_links_form_changes_the_password(api: AuthApi) -> None:
    user = await api.registered()
    sent = await request_reset(api, user)
    path = sent.link.removeprefix("https://dukan.local")
    for _ in range(2):
        page = await api.http.get(path)
        assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
        assert 'action="../forms/password/reset"' in page.text
    assert (await api.login(user["email"])).status_code == 200
    form = {"token": sent.token, "new_password": NEW}
    done = await api.http.post("/api/v1/auth/forms/password/reset", data=form)
    assert (done.status_code, "is changed" in done.text) == (200, True)
    assert (await api.login(user["email"], NEW)).status_code == 200
    again = await api.http.post("/api/v1/auth/forms/password/reset", data=form)
    assert (again.status_code, "has expired" in again.text) == (422, True)


async def test_the_page_of_the_link_confirms_the_address(api: AuthApi) -> None:
    user = await api.registered()
    [sent] = await emails_to(api, user, "confirm_email")
    path = sent.link.removeprefix("https://dukan.local")
    assert (await api.http.get(path)).status_code == 200
    assert not (await api.signed_in(user["email"]))["user"]["email_confirmed"]
    done = await api.http.post("/api/v1/auth/forms/email/confirm", data={"token": sent.token})
    assert (done.status_code, "is confirmed" in done.text) == (200, True)
    assert (await api.signed_in(user["email"]))["user"]["email_confirmed"]


async def test_hostile_tokens_and_forms_are_escaped_and_rejected(api: AuthApi) -> None:
    page = await api.http.get("/api/v1/auth/password/reset", params={"token": '"><script>alert(1)</script>'})
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
            answer = await api.http.post(f"/api/v1{path}", content=content)
            assert (answer.status_code, answer.headers["content-type"]) == (422, "text/html; charset=utf-8")


async def test_a_weak_new_password_is_rejected_and_the_grant_stays_valid(api: AuthApi) -> None:
    user = await api.registered()
    sent = await request_reset(api, user)
    weak = await api.post("/auth/password/reset", {"token": sent.token, "new_password": "short"})
    assert problem(weak, 422) == ("new_password", "password_too_short")
    data(await api.post("/auth/password/reset", {"token": sent.token, "new_password": NEW}))


async def test_a_deactivated_account_gets_no_e_mail_and_its_link_is_invalid(api: AuthApi) -> None:
    user = await api.registered()
    sent = await request_reset(api, user)
    data(await api.act(f"/users/{user['id']}/deactivate", await api.admin()))
    data(await api.post("/auth/otp/send", {"email": user["email"]}), 202)
    assert len(await emails_to(api, user, "reset_password")) == 1
    body = {"token": sent.token, "new_password": NEW}
    assert problem(await api.post("/auth/password/reset", body), 422) == STALE


async def test_resets_and_changes_do_not_bypass_the_second_factor(api: AuthApi) -> None:
    owner = await totp_user(api)
    sent = await request_reset(api, {"id": owner.id, "email": owner.email})
    change = {"current_password": PASSWORD, "new_password": NEW}
    assert problem(await api.act("/auth/password/change", owner.tokens, change), 422) == ("code", "otp_required")
    wrong = change | {"code": wrong_code(owner.secret)}
    assert problem(await api.act("/auth/password/change", owner.tokens, wrong), 422) == ("code", "code_invalid")
    data(await api.post("/auth/password/reset", {"token": sent.token, "new_password": NEW}))
    assert problem(await api.login(owner.email, NEW), 401)[1] == "otp_required"
    again = {"email": owner.email, "password": NEW, "otp": app_code(owner.secret)}
    tokens = data(await api.post("/auth/login", again))
    known = {"current_password": NEW, "new_password": PASSWORD, "code": owner.recovery_codes[0]}
    data(await api.act("/auth/password/change", tokens, known))


async def test_a_change_ends_the_other_sessions_and_open_resets(api: AuthApi) -> None:
    here = await api.signed_in()
    user = here["user"]
    there = await api.signed_in(user["email"])
    sent = await request_reset(api, user)
    data(await api.act("/auth/password/change", here, {"current_password": PASSWORD, "new_password": NEW}))
    assert (await api.get("/auth/me", here)).status_code == 200
    assert (await api.get("/auth/me", there)).status_code == 401
    assert (await api.refresh(there["refresh_token"])).status_code == 401
    assert (await api.login(user["email"], NEW)).status_code == 200
    body = {"token": sent.token, "new_password": "yet another secret"}
    assert problem(await api.post("/auth/password/reset", body), 422) == STALE
    assert len(await api.published(PasswordChanged, user["id"])) == 1


async def test_guesses_of_the_current_password_are_throttled(api: AuthApi) -> None:
    tokens = await api.signed_in()
    body = {"current_password": "a wrong guess", "new_password": NEW}
    answers = [await api.act("/auth/password/change", tokens, body) for _ in range(5)]
    assert {problem(answer, 422) for answer in answers} == {("current_password", "wrong_password")}
    right = {"current_password": PASSWORD, "new_password": NEW}
    assert problem(await api.act("/auth/password/change", tokens, right), 429) == (None, "too_many_attempts")
    assert (await api.login(tokens["user"]["email"])).status_code == 200
    weak = {"current_password": PASSWORD, "new_password": "12345678"}
    assert problem(await api.act("/auth/password/change", tokens, weak), 422)[0] == "new_password"


async def test_administrators_see_resets_and_their_outcome(api: AuthApi) -> None:
    user = await api.registered()
    await request_reset(api, user)
    grant = data(await verify(api, user, (await request_reset(api, user)).code))["grant"]
    data(await api.post("/auth/password/reset", {"grant": grant, "new_password": NEW}))
    data(await api.post("/auth/otp/send", {"email": "nobody@shop.test"}), 202)
    admin = await api.admin()
    history = data(await api.get("/auth/password/resets", admin))
    assert [(row["email"], row["outcome"]) for row in history] == [
        (None, "open"),
        (user["email"], "used"),
        (user["email"], "superseded"),
    ]
    first = (await api.get("/auth/password/resets?limit=2", admin)).json()
    rest = await api.get(f"/auth/password/resets?limit=2&cursor={first['meta']['next_cursor']}", admin)
    assert [row["outcome"] for row in data(rest)] == ["superseded"]
    assert (await api.get("/auth/password/resets", await api.signed_in())).status_code == 403
