"""One-time codes and links: valid once, for minutes, for one purpose, and a limited number of attempts."""

import asyncio
from datetime import timedelta
from typing import Any

from services.auth.tests.conftest import StartApi
from services.auth.tests.emails import confirm, emails_to, request_reset, verify
from services.auth.tests.harness import PASSWORD, AuthApi, data, problem

from auth.email_confirmation.domain import LIFETIME, MAX_CODES_PER_DAY, MAX_EMAILS_PER_DAY, MAX_EMAILS_PER_HOUR
from common.clock import FixedClock
from common.contracts.auth import EmailConfirmed, RegistrationAttempted

WRONG = ("code", "code_invalid")
STALE = ("token", "token_invalid")


async def test_the_code_of_the_e_mail_confirms_the_address(api: AuthApi) -> None:
    user = await api.registered()
    [sent] = await emails_to(api, user, "confirm_email")
    data(await confirm(api, user, sent.code))
    tokens = await api.signed_in(user["email"])
    assert tokens["user"]["email_confirmed"] is True
    assert len(await api.published(EmailConfirmed, user["id"])) == 1
    assert await api.audited(user["id"], "confirm_email") == ["succeeded"]


async def test_a_used_code_and_its_link_are_rejected(api: AuthApi) -> None:
    user = await api.registered()
    [sent] = await emails_to(api, user, "confirm_email")
    data(await confirm(api, user, sent.code))
    assert problem(await confirm(api, user, sent.code), 422) == WRONG
    assert problem(await api.post("/auth/email/confirm", {"token": sent.token}), 422) == STALE


async def test_five_wrong_codes_invalidate_the_right_one(api: AuthApi, time: FixedClock) -> None:
    user = await api.registered()
    sent = await request_reset(api, user)
    for _ in range(5):
        assert problem(await verify(api, user, sent.wrong), 422) == WRONG
    assert problem(await verify(api, user, sent.code), 429) == (None, "too_many_attempts")
    time.advance(timedelta(seconds=31))
    assert problem(await verify(api, user, sent.code), 422) == WRONG
    time.advance(timedelta(minutes=6))
    fresh = await request_reset(api, user)
    data(await verify(api, user, fresh.code))


async def test_concurrent_guesses_from_many_addresses_count_together(api: AuthApi) -> None:
    user = await api.registered()
    sent = await request_reset(api, user)
    places = [{"X-Forwarded-For": f"203.0.113.{i}"} for i in range(20)]
    answers = await asyncio.gather(*(verify(api, user, sent.wrong, headers=place) for place in places))
    assert {answer.status_code for answer in answers} == {422}
    counted = "SELECT attempts, other_attempts FROM one_time_code WHERE purpose = 'reset_password'"
    assert [tuple(row) for row in await api.rows(counted)] == [(0, 5)]
    one_more = {"X-Forwarded-For": "198.51.100.7"}
    assert problem(await verify(api, user, sent.code, headers=one_more), 422) == WRONG
    data(await verify(api, user, sent.code))


async def test_codes_links_and_grants_expire_after_ten_minutes(api: AuthApi, time: FixedClock) -> None:
    user = await api.registered()
    sent = await request_reset(api, user)
    time.advance(LIFETIME)
    assert problem(await verify(api, user, sent.code), 422) == WRONG
    body = {"token": sent.token, "new_password": "another good secret"}
    assert problem(await api.post("/auth/password/reset", body), 422) == STALE
    grant = data(await verify(api, user, (await request_reset(api, user)).code))["grant"]
    time.advance(LIFETIME)
    body = {"grant": grant, "new_password": "another good secret"}
    assert problem(await api.post("/auth/password/reset", body), 422) == STALE


async def test_another_request_keeps_the_previous_code(api: AuthApi) -> None:
    user, outsider = await api.registered(), {"X-Forwarded-For": "203.0.113.9"}
    owners, outsiders = await request_reset(api, user), await request_reset(api, user, headers=outsider)
    own_second = await request_reset(api, user)
    for sent in (owners, outsiders, own_second):
        data(await verify(api, user, sent.code))


async def test_guesses_of_outsiders_use_up_no_attempt_of_the_owner(api: AuthApi) -> None:
    user = await api.registered()
    [to_confirm] = await emails_to(api, user, "confirm_email")
    to_reset = await request_reset(api, user)
    for i in range(8):
        outsider = {"X-Forwarded-For": f"203.0.113.{i}"}
        assert problem(await verify(api, user, to_reset.wrong, headers=outsider), 422) == WRONG
        body = {"email": user["email"], "code": to_confirm.wrong}
        assert problem(await api.post("/auth/email/confirm", body, headers=outsider), 422) == WRONG
    data(await verify(api, user, to_reset.code))
    data(await confirm(api, user, to_confirm.code))


async def test_another_request_keeps_the_previous_link_and_grant(api: AuthApi) -> None:
    user, outsider = await api.registered(), {"X-Forwarded-For": "203.0.113.9"}
    sent = await request_reset(api, user)
    await request_reset(api, user, headers=outsider)
    body = {"token": sent.token, "new_password": "another good secret"}
    data(await api.post("/auth/password/reset", body))
    grant = data(await verify(api, user, (await request_reset(api, user)).code))["grant"]
    await request_reset(api, user, headers=outsider)
    data(await api.post("/auth/password/reset", {"grant": grant, "new_password": "one more good secret"}))


async def test_a_new_password_invalidates_open_links_and_grants(api: AuthApi) -> None:
    user = await api.registered()
    first, second = await request_reset(api, user), await request_reset(api, user)
    grant = data(await verify(api, user, second.code))["grant"]
    data(await api.post("/auth/password/reset", {"token": first.token, "new_password": "another good secret"}))
    for token in ({"grant": grant}, {"token": second.token}):
        body = token | {"new_password": "the thief's own secret"}
        assert problem(await api.post("/auth/password/reset", body), 422) == STALE


async def test_codes_and_links_are_valid_for_their_purpose_only(api: AuthApi) -> None:
    user = await api.registered()
    [to_confirm] = await emails_to(api, user, "confirm_email")
    to_reset = await request_reset(api, user)
    if to_confirm.code != to_reset.code:
        assert problem(await confirm(api, user, to_reset.code), 422) == WRONG
        assert problem(await verify(api, user, to_confirm.code), 422) == WRONG
    assert problem(await api.post("/auth/email/confirm", {"token": to_reset.token}), 422) == STALE
    body = {"token": to_confirm.token, "new_password": "another good secret"}
    assert problem(await api.post("/auth/password/reset", body), 422) == STALE
    other = await api.registered()
    await request_reset(api, other)
    if (await emails_to(api, other, "reset_password"))[-1].code != to_reset.code:
        assert problem(await verify(api, other, to_reset.code), 422) == WRONG


async def test_request_throttling_does_not_block_sign_in(api: AuthApi) -> None:
    user = await api.registered()
    body = {"email": user["email"]}
    answers = [await api.post("/auth/otp/send", body) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [202] * 5 + [429]
    assert (await api.login(user["email"])).status_code == 200


async def test_after_ten_requests_a_day_e_mails_contain_the_link_only(api: AuthApi, time: FixedClock) -> None:
    user = await api.registered()
    for i in range(MAX_CODES_PER_DAY + 1):
        time.advance(timedelta(minutes=15))
        sent = await request_reset(api, user, headers={"X-Forwarded-For": f"203.0.113.{i}"})
    assert sent.code == ""
    data(await api.post("/auth/password/reset", {"token": sent.token, "new_password": "another good secret"}))
    assert (await api.login(user["email"], "another good secret")).status_code == 200


def place(number: int) -> dict[str, dict[str, str]]:
    return {"headers": {"X-Forwarded-For": f"203.0.113.{number}"}}


async def test_a_recipient_gets_six_e_mails_an_hour_from_however_many_addresses(api: AuthApi, time: FixedClock) -> None:
    user, attacker = await api.registered(), await api.signed_in()
    first = (await emails_to(api, user, "confirm_email"))[0]
    paths = ("/auth/otp/send", "/auth/email/confirmation")
    body = {"email": user["email"]}
    answers = await asyncio.gather(*(api.post(paths[i % 2], body, **place(i)) for i in range(60)))
    assert {answer.status_code for answer in answers} == {202}
    data(await api.act("/auth/email/change", attacker, body), 202)

    async def sent() -> int:
        return sum([len(await emails_to(api, user, purpose)) for purpose in ("confirm_email", "reset_password")])

    assert await sent() == MAX_EMAILS_PER_HOUR
    data(await confirm(api, user, first.code))
    for hour in range(30):
        time.advance(timedelta(hours=1))
        for i in range(10):
            data(await api.post("/auth/otp/send", body, **place(i + hour * 10 % 250)), 202)
        if hour == 20:
            assert await sent() == MAX_EMAILS_PER_DAY
    assert MAX_EMAILS_PER_DAY < await sent() <= 2 * MAX_EMAILS_PER_DAY


async def test_strangers_requests_keep_no_e_mail_from_an_owner_on_a_known_device(api: AuthApi) -> None:
    user = await api.registered()
    device = (await api.signed_in(user["email"]))["device_token"]
    for i in range(MAX_EMAILS_PER_HOUR):
        data(await api.post("/auth/otp/send", {"email": user["email"]}, **place(i)), 202)
    before = len(await emails_to(api, user, "reset_password"))
    await request_reset(api, user)
    assert len(await emails_to(api, user, "reset_password")) == before
    sent = await request_reset(api, user, headers={"X-Device-Token": device})
    assert len(await emails_to(api, user, "reset_password")) == before + 1
    data(await verify(api, user, sent.code))


async def test_a_change_to_a_bombed_address_leaves_the_previous_request_valid(api: AuthApi) -> None:
    tokens, address = await api.signed_in(), "new@shop.test"
    data(await api.act("/auth/email/change", tokens, {"email": "first@shop.test"}), 202)
    [sent] = await emails_to(api, tokens["user"], "change_email")
    for i in range(MAX_EMAILS_PER_HOUR):
        data(await api.post("/auth/otp/send", {"email": address}, **place(i)), 202)
    data(await api.act("/auth/email/change", tokens, {"email": address}), 202)
    assert len(await emails_to(api, tokens["user"], "change_email")) == 1
    data(await api.act("/auth/email/change/confirm", tokens, {"code": sent.code}))


SAME_FOR_ALL: list[tuple[str, dict[str, Any]]] = [
    ("/auth/otp/send", {"purpose": "reset_password"}),
    ("/auth/otp/verify", {"code": "000000"}),
    ("/auth/email/confirmation", {}),
    ("/auth/email/confirm", {"code": "000000"}),
    ("/auth/check-email", {}),
    ("/auth/pre-register", {}),
]


async def test_known_and_unknown_addresses_get_identical_responses(start_api: StartApi) -> None:
    api = await start_api(reveals_account_existence=False)
    known = [await api.registered() for _ in range(2)]
    [sent] = await emails_to(api, known[0], "confirm_email")
    data(await confirm(api, known[0], sent.code))
    for path, fields in SAME_FOR_ALL:
        people = [known[0]["email"], known[1]["email"], "nobody@shop.test"]
        answers = [await api.post(path, {"email": email} | fields) for email in people for _ in range(6)]
        bodies = [{**answer.json(), "request_id": None} for answer in answers]
        statuses = [answer.status_code for answer in answers]
        assert bodies[:6] == bodies[6:12] == bodies[12:], path
        assert statuses[:6] == statuses[6:12] == statuses[12:], path
        assert statuses[5] == 429, path


async def test_the_code_of_an_unknown_address_never_matches(api: AuthApi) -> None:
    data(await api.post("/auth/otp/send", {"email": "nobody@shop.test"}), 202)
    [row] = await api.rows("SELECT id, subject FROM one_time_code")
    codes = api.services.codes
    right = [f"{n:06}" for n in range(3)]
    async with api.database.begin() as tx:
        query = "UPDATE one_time_code SET code_hash = $1 WHERE id = $2"
        await tx.sql.execute(query, codes.hash_of(row["id"], "reset_password", right[0]), row["id"])
    assert problem(await verify(api, {"email": "nobody@shop.test"}, right[0]), 422) == WRONG


async def test_registering_a_taken_address_tells_its_owner_and_nobody_else(start_api: StartApi) -> None:
    api = await start_api(reveals_account_existence=False)
    user = await api.registered(email="known@shop.test")
    fields = {"password": "another good secret", "first_name": "Mallory", "phone": "+255754000111"}
    repeated = await api.registered(email="Known@shop.test", **fields)
    fresh = await api.registered(email="fresh@shop.test", **fields)
    same = ("id", "email", "created_at", "updated_at")
    assert {**repeated, **dict.fromkeys(same)} == {**fresh, **dict.fromkeys(same)}
    assert repeated["id"] != user["id"]
    sent = await emails_to(api, user, "confirm_email")
    assert len(sent) == 2
    data(await confirm(api, user, sent[1].code))
    await api.registered(email="known@shop.test", password="another good secret")
    assert len(await emails_to(api, user, "confirm_email")) == 2
    [told] = await api.published(RegistrationAttempted, user["id"])
    assert told.address == "127.0.0.1"
    body = {"email": "known@shop.test", "password": "another good secret"}
    for i in range(20):
        data(await api.post("/auth/register", body, **place(i)), 201)
    assert len(await api.published(RegistrationAttempted, user["id"])) == MAX_EMAILS_PER_HOUR - 2
    assert (await api.login("known@shop.test")).status_code == 200


async def test_no_code_link_or_grant_is_stored_in_clear(api: AuthApi) -> None:
    user = await api.registered()
    [sent] = await emails_to(api, user, "confirm_email")
    reset = await request_reset(api, user)
    grant = data(await verify(api, user, reset.code))["grant"]
    tables = ("account", "one_time_code", "outbox", "audit", "throttle")
    stored = [row["row"] for name in tables for row in await api.rows(f"SELECT {name}::text AS row FROM {name}")]
    payloads = [bytes(row["payload"]).decode() for row in await api.rows("SELECT payload FROM outbox")]
    for secret in (sent.token, reset.token, grant, PASSWORD):
        assert not [row for row in stored + payloads if secret in row or secret.encode().hex() in row]
    quoted = [f'"{code}"' for code in (sent.code, reset.code)]
    assert not [row for row in payloads for code in quoted if code in row]


async def test_an_invalid_request_names_the_field(api: AuthApi) -> None:
    wrong = [
        ("/auth/otp/send", {"email": "no address"}, "email"),
        ("/auth/otp/send", {"email": "a@shop.test", "purpose": "confirm_email"}, "purpose"),
        ("/auth/otp/verify", {"email": "a@shop.test", "code": "12345"}, "code"),
        ("/auth/otp/verify", {"email": "a@shop.test", "code": "１２３４５６"}, "code"),
        ("/auth/otp/verify", {"email": "a@shop.test", "code": 123456}, "code"),
        ("/auth/email/confirm", {}, "email"),
        ("/auth/email/confirm", {"email": "a@shop.test"}, "code"),
        ("/auth/email/confirm", {"token": ""}, "token"),
        ("/auth/password/reset", {"new_password": "x"}, "token"),
        ("/auth/password/reset", {"token": "x"}, "new_password"),
    ]
    for path, body, field in wrong:
        assert problem(await api.post(path, body), 422)[0] == field, (path, body)
