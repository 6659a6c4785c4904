"""The second factor: an authenticator app and ten recovery codes."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from pyotp import TOTP, parse_uri
from services.auth.tests.emails import request_reset, verify
from services.auth.tests.harness import PASSWORD, AuthApi, data, problem
from services.auth.tests.totp.factors import app_code, delete, login, totp_user, wrong_code

from auth.totp.providers.authenticator_app import matching_step, secret_text
from common.clock import FixedClock

RFC_SECRET = b"12345678901234567890"
RFC_VECTORS = {
    59: "94287082",
    1111111109: "07081804",
    1111111111: "14050471",
    1234567890: "89005924",
    2000000000: "69279037",
    20000000000: "65353130",
}


@pytest.mark.parametrize(("second", "code"), RFC_VECTORS.items())
def test_codes_match_the_vectors_of_rfc_6238(second: int, code: str) -> None:
    at = datetime.fromtimestamp(second, UTC)
    assert TOTP(secret_text(RFC_SECRET), digits=8).at(at) == code
    assert matching_step(RFC_SECRET, code[2:], at, last_step=0) == second // 30


def test_a_code_is_accepted_one_step_early_or_late_and_no_longer() -> None:
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    step = int(now.timestamp()) // 30
    code = TOTP(secret_text(RFC_SECRET)).at(now)
    offsets = {seconds: matching_step(RFC_SECRET, code, now + timedelta(seconds=seconds), 0) for seconds in (-31, 59)}
    assert offsets == {-31: None, 59: step}
    assert matching_step(RFC_SECRET, code, now - timedelta(seconds=30), 0) == step
    assert matching_step(RFC_SECRET, code, now + timedelta(seconds=60), 0) is None


async def test_an_app_is_enrolled_confirmed_and_then_asked_for(api: AuthApi, time: FixedClock) -> None:
    tokens = await api.signed_in()
    email = tokens["user"]["email"]
    started = await api.act("/auth/mfa/totp", tokens, {"password": PASSWORD})
    enrolment = data(started, 201)
    assert started.headers["Cache-Control"] == "no-store"
    app = parse_uri(enrolment["uri"])
    assert (app.issuer, app.name, app.secret) == ("Dukan", email, enrolment["secret"])
    assert (await login(api, email)).status_code == 200
    wrong = {"code": wrong_code(enrolment["secret"])}
    assert problem(await api.act("/auth/mfa/totp/confirm", tokens, wrong), 422) == ("code", "code_invalid")
    on = data(await api.act("/auth/mfa/totp/confirm", tokens, {"code": app_code(enrolment["secret"])}))
    assert len(set(on["recovery_codes"])) == 10
    assert problem(await login(api, email), 401) == (None, "otp_required")
    assert problem(await login(api, email, ""), 401) == (None, "otp_required")
    time.advance(timedelta(seconds=30))
    assert (await login(api, email, app_code(enrolment["secret"]))).status_code == 200
    assert data(await api.get("/auth/mfa", tokens)) == {"totp": True, "recovery_codes_left": 10}
    outcomes = ["succeeded", "succeeded", "otp_required", "otp_required", "succeeded"]
    assert await api.audited(tokens["user"]["id"], "sign_in") == outcomes


async def test_the_code_is_asked_for_after_the_right_password_only(api: AuthApi) -> None:
    person = await totp_user(api)
    for otp in (None, app_code(person.secret), wrong_code(person.secret)):
        body = {"email": person.email, "password": "not the password"} | ({"otp": otp} if otp else {})
        assert problem(await api.post("/auth/login", body), 401) == (None, "invalid_credentials")
    assert (await login(api, person.email, app_code(person.secret))).status_code == 200


async def test_a_code_of_the_app_is_accepted_once(api: AuthApi, time: FixedClock) -> None:
    person = await totp_user(api)
    confirmed_with, now = app_code(person.secret, -1), app_code(person.secret)
    assert problem(await login(api, person.email, confirmed_with), 401) == (None, "otp_invalid")
    assert (await login(api, person.email, f" {now[:3]} {now[3:]} ")).status_code == 200
    assert problem(await login(api, person.email, now), 401) == (None, "otp_invalid")
    time.advance(timedelta(seconds=30))
    assert problem(await login(api, person.email, now), 401) == (None, "otp_invalid")
    assert (await login(api, person.email, app_code(person.secret))).status_code == 200


async def test_one_code_sent_ten_times_at_once_opens_one_session(api: AuthApi, time: FixedClock) -> None:
    person = await totp_user(api)
    for spent in (app_code(person.secret), person.recovery_codes[0]):
        answers = await asyncio.gather(*(login(api, person.email, spent) for _ in range(10)))
        assert [answer.status_code for answer in answers].count(200) == 1
        assert {answer.status_code for answer in answers} <= {200, 401, 429}
        time.advance(timedelta(hours=2))


async def test_a_recovery_code_signs_in_once_however_it_is_typed(api: AuthApi) -> None:
    person = await totp_user(api)
    first, second, *_ = person.recovery_codes
    assert (await login(api, person.email, first)).status_code == 200
    assert problem(await login(api, person.email, first), 401) == (None, "otp_invalid")
    assert (await login(api, person.email, second.upper().replace("-", " "))).status_code == 200
    assert data(await api.get("/auth/mfa", person.tokens)) == {"totp": True, "recovery_codes_left": 8}


async def test_a_recovery_code_of_another_account_is_rejected(api: AuthApi) -> None:
    mine, theirs = await totp_user(api), await totp_user(api)
    assert problem(await login(api, mine.email, theirs.recovery_codes[0]), 401) == (None, "otp_invalid")
    assert (await login(api, theirs.email, theirs.recovery_codes[0])).status_code == 200


async def test_guessing_codes_is_slowed_like_guessing_passwords(api: AuthApi) -> None:
    person = await totp_user(api)
    guesses = [await login(api, person.email, wrong_code(person.secret)) for _ in range(7)]
    assert [answer.status_code for answer in guesses] == [401] * 5 + [429] * 2
    assert problem(await login(api, person.email, app_code(person.secret)), 429) == (None, "too_many_attempts")
    assert (await api.audited(person.id, "sign_in"))[1:6] == ["wrong_otp"] * 5


async def test_guesses_of_codes_from_many_addresses_count_together(api: AuthApi, time: FixedClock) -> None:
    person = await totp_user(api)
    places = [{"X-Forwarded-For": f"203.0.113.{i}"} for i in range(12)]
    guesses = [await login(api, person.email, wrong_code(person.secret), headers=place) for place in places]
    assert [answer.status_code for answer in guesses] == [401] * 10 + [429] * 2
    # Without the right password, codes are not counted: an outsider cannot block the owner.
    guess = {"email": person.email, "password": "a wrong guess", "otp": "000000"}
    assert (await api.post("/auth/login", guess, headers=places[11])).status_code == 401
    time.advance(timedelta(minutes=1))
    assert (await login(api, person.email, app_code(person.secret))).status_code == 200


async def test_guesses_of_codes_made_at_once_are_judged_one_by_one(api: AuthApi) -> None:
    person = await totp_user(api)
    guesses = (login(api, person.email, wrong_code(person.secret)) for _ in range(20))
    statuses = [answer.status_code for answer in await asyncio.gather(*guesses)]
    assert sorted(statuses) == [401] * 5 + [429] * 15


async def test_malformed_codes_are_rejected(api: AuthApi) -> None:
    person = await totp_user(api)
    for otp in ("\u0661\u0662\u0663\u0664\u0665\u0666", "------", "' OR 1=1 --", "\u202e123456"):
        assert problem(await login(api, person.email, otp), 401) == (None, "otp_invalid"), otp
    assert problem(await login(api, person.email, "1" * 21), 422) == ("otp", "too_long")
    body = {"email": person.email, "password": PASSWORD, "otp": 123456}
    assert problem(await api.post("/auth/login", body), 422) == ("otp", "wrong_type")


async def test_a_stolen_session_turns_nothing_off_without_password_and_code(api: AuthApi, time: FixedClock) -> None:
    person = await totp_user(api)
    rejected = {
        ("password", "wrong_password"): {"password": "not the password", "code": app_code(person.secret)},
        ("code", "otp_required"): {"password": PASSWORD},
        ("code", "code_invalid"): {"password": PASSWORD, "code": wrong_code(person.secret)},
    }
    for expected, body in rejected.items():
        assert problem(await delete(api, "/auth/mfa/totp", person.tokens, body), 422) == expected
        assert problem(await api.act("/auth/mfa/recovery-codes", person.tokens, body), 422) == expected
    time.advance(timedelta(minutes=6))
    right = {"password": PASSWORD, "code": app_code(person.secret)}
    assert problem(await api.act("/auth/mfa/totp", person.tokens, right), 409) == (None, "totp_already_on")
    data(await delete(api, "/auth/mfa/totp", person.tokens, {"password": PASSWORD, "code": person.recovery_codes[0]}))
    assert (await login(api, person.email)).status_code == 200
    assert data(await api.get("/auth/mfa", person.tokens)) == {"totp": False, "recovery_codes_left": 0}
    assert await api.audited(person.id, "totp_remove") == ["succeeded"]


async def test_passwords_guessed_with_a_stolen_session_are_throttled_apart_from_sign_in(api: AuthApi) -> None:
    person = await api.signed_in()
    guesses = [await api.act("/auth/mfa/totp", person, {"password": f"guess {i}"}) for i in range(6)]
    assert [answer.status_code for answer in guesses] == [422] * 5 + [429]
    assert (await login(api, person["user"]["email"])).status_code == 200


async def test_a_password_reset_does_not_get_around_the_second_factor(api: AuthApi) -> None:
    person = await totp_user(api)
    user, fresh = person.tokens["user"], "another good secret"
    grant = data(await verify(api, user, (await request_reset(api, user)).code))["grant"]
    data(await api.post("/auth/password/reset", {"grant": grant, "new_password": fresh}))
    body = {"email": person.email, "password": fresh}
    assert problem(await api.post("/auth/login", body), 401) == (None, "otp_required")
    assert (await api.post("/auth/login", body | {"otp": app_code(person.secret)})).status_code == 200


async def test_new_recovery_codes_replace_the_old_ones(api: AuthApi) -> None:
    person = await totp_user(api)
    credentials = {"password": PASSWORD, "code": app_code(person.secret)}
    fresh = data(await api.act("/auth/mfa/recovery-codes", person.tokens, credentials))["recovery_codes"]
    assert set(fresh).isdisjoint(person.recovery_codes)
    assert problem(await login(api, person.email, person.recovery_codes[1]), 401) == (None, "otp_invalid")
    assert (await login(api, person.email, fresh[1])).status_code == 200


async def test_totp_that_was_not_started_cannot_be_confirmed_or_removed(api: AuthApi) -> None:
    tokens = await api.signed_in()
    assert problem(await api.act("/auth/mfa/totp/confirm", tokens, {"code": "123456"}), 409)[1] == "totp_not_started"
    for answer in (
        await delete(api, "/auth/mfa/totp", tokens, {"password": PASSWORD}),
        await api.act("/auth/mfa/recovery-codes", tokens, {"password": PASSWORD}),
    ):
        assert problem(answer, 409) == (None, "totp_not_on")


async def test_no_secret_of_the_second_factor_is_stored_in_clear(api: AuthApi) -> None:
    person = await totp_user(api)
    assert (await login(api, person.email, person.recovery_codes[0])).status_code == 200
    tables = ("totp", "recovery_code", "audit", "outbox", "throttle")
    stored = [row["row"] for name in tables for row in await api.rows(f"SELECT {name}::text AS row FROM {name}")]
    [sealed] = await api.rows("SELECT sealed_secret FROM totp")
    assert person.secret.encode() not in sealed["sealed_secret"]
    secrets = (person.secret, *person.recovery_codes, *(code.replace("-", "") for code in person.recovery_codes))
    assert not [row for row in stored for secret in secrets if secret in row or secret.encode().hex() in row]
