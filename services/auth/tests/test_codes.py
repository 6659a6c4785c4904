"""One-time codes and links: good once, for minutes, for one purpose, and of no use to whoever guesses."""

import asyncio
from datetime import timedelta
from typing import Any

from services.auth.tests.conftest import OpenDoor
from services.auth.tests.emails import confirm, emails_to, request_reset, verify
from services.auth.tests.harness import PASSWORD, Door, data, problem

from auth.email_confirmation.domain import LIFETIME, MAX_CODES_PER_DAY
from common.clock import FixedClock
from common.contracts.auth import EmailConfirmed

WRONG = ("code", "code_invalid")
STALE = ("token", "token_invalid")


async def test_who_registers_confirms_the_address_with_the_code_of_the_letter(door: Door) -> None:
    user = await door.registered()
    [sent] = await emails_to(door, user, "confirm_email")
    data(await confirm(door, user, sent.code))
    tokens = await door.signed_in(user["email"])
    assert tokens["user"]["email_confirmed"] is True
    assert len(await door.told(EmailConfirmed, user["id"])) == 1
    assert await door.audited(user["id"], "confirm_email") == ["succeeded"]


async def test_a_code_is_good_once_and_takes_its_link_with_it(door: Door) -> None:
    user = await door.registered()
    [sent] = await emails_to(door, user, "confirm_email")
    data(await confirm(door, user, sent.code))
    assert problem(await confirm(door, user, sent.code), 422) == WRONG
    assert problem(await door.post("/auth/email/confirm", {"token": sent.token}), 422) == STALE


async def test_guessing_stops_at_five_and_the_right_code_comes_too_late(door: Door, time: FixedClock) -> None:
    user = await door.registered()
    sent = await request_reset(door, user)
    for _ in range(5):
        assert problem(await verify(door, user, sent.wrong), 422) == WRONG
    assert problem(await verify(door, user, sent.code), 429) == (None, "too_many_attempts")
    time.advance(timedelta(seconds=31))
    assert problem(await verify(door, user, sent.code), 422) == WRONG
    time.advance(timedelta(minutes=6))
    fresh = await request_reset(door, user)
    data(await verify(door, user, fresh.code))


async def test_guesses_from_many_places_at_once_are_five_in_all(door: Door) -> None:
    user = await door.registered()
    sent = await request_reset(door, user)
    places = [{"X-Forwarded-For": f"203.0.113.{i}"} for i in range(20)]
    answers = await asyncio.gather(*(verify(door, user, sent.wrong, headers=place) for place in places))
    assert {answer.status_code for answer in answers} == {422}
    assert [row["attempts"] for row in await door.rows("SELECT attempts FROM one_time_code WHERE attempts > 0")] == [5]
    owner = {"X-Forwarded-For": "198.51.100.7"}
    assert problem(await verify(door, user, sent.code, headers=owner), 422) == WRONG


async def test_codes_links_and_grants_end_after_ten_minutes(door: Door, time: FixedClock) -> None:
    user = await door.registered()
    sent = await request_reset(door, user)
    time.advance(LIFETIME)
    assert problem(await verify(door, user, sent.code), 422) == WRONG
    body = {"token": sent.token, "new_password": "another good secret"}
    assert problem(await door.post("/auth/password/reset", body), 422) == STALE
    grant = data(await verify(door, user, (await request_reset(door, user)).code))["grant"]
    time.advance(LIFETIME)
    body = {"grant": grant, "new_password": "another good secret"}
    assert problem(await door.post("/auth/password/reset", body), 422) == STALE


async def test_asking_again_takes_the_former_code_back(door: Door) -> None:
    user = await door.registered()
    first, second = await request_reset(door, user), await request_reset(door, user)
    if first.code != second.code:
        assert problem(await verify(door, user, first.code), 422) == WRONG
    data(await verify(door, user, second.code))


async def test_an_outsider_who_asks_again_takes_neither_the_owners_link_nor_grant(door: Door) -> None:
    user, outsider = await door.registered(), {"X-Forwarded-For": "203.0.113.9"}
    sent = await request_reset(door, user)
    await request_reset(door, user, headers=outsider)
    body = {"token": sent.token, "new_password": "another good secret"}
    data(await door.post("/auth/password/reset", body))
    grant = data(await verify(door, user, (await request_reset(door, user)).code))["grant"]
    await request_reset(door, user, headers=outsider)
    data(await door.post("/auth/password/reset", {"grant": grant, "new_password": "one more good secret"}))


async def test_a_new_password_takes_every_open_link_and_grant_back(door: Door) -> None:
    user = await door.registered()
    first, second = await request_reset(door, user), await request_reset(door, user)
    grant = data(await verify(door, user, second.code))["grant"]
    data(await door.post("/auth/password/reset", {"token": first.token, "new_password": "another good secret"}))
    for proof in ({"grant": grant}, {"token": second.token}):
        body = proof | {"new_password": "the thief's own secret"}
        assert problem(await door.post("/auth/password/reset", body), 422) == STALE


async def test_a_code_or_link_opens_nothing_but_what_it_was_sent_for(door: Door) -> None:
    user = await door.registered()
    [to_confirm] = await emails_to(door, user, "confirm_email")
    to_reset = await request_reset(door, user)
    if to_confirm.code != to_reset.code:
        assert problem(await confirm(door, user, to_reset.code), 422) == WRONG
        assert problem(await verify(door, user, to_confirm.code), 422) == WRONG
    assert problem(await door.post("/auth/email/confirm", {"token": to_reset.token}), 422) == STALE
    body = {"token": to_confirm.token, "new_password": "another good secret"}
    assert problem(await door.post("/auth/password/reset", body), 422) == STALE
    other = await door.registered()
    await request_reset(door, other)
    if (await emails_to(door, other, "reset_password"))[-1].code != to_reset.code:
        assert problem(await verify(door, other, to_reset.code), 422) == WRONG


async def test_asking_is_throttled_and_sign_in_is_not_with_it(door: Door) -> None:
    user = await door.registered()
    body = {"email": user["email"]}
    answers = [await door.post("/auth/otp/send", body) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [202] * 5 + [429]
    assert (await door.login(user["email"])).status_code == 200


async def test_who_is_asked_for_from_many_places_still_gets_a_link_but_no_code_to_guess(door: Door) -> None:
    user = await door.registered()
    for i in range(MAX_CODES_PER_DAY + 1):
        sent = await request_reset(door, user, headers={"X-Forwarded-For": f"203.0.113.{i}"})
    assert sent.code == ""
    data(await door.post("/auth/password/reset", {"token": sent.token, "new_password": "another good secret"}))
    assert (await door.login(user["email"], "another good secret")).status_code == 200


async def test_ten_who_ask_at_once_leave_one_code_open(door: Door) -> None:
    user = await door.registered()
    places = [{"X-Forwarded-For": f"203.0.113.{i}"} for i in range(10)]
    body = {"email": user["email"]}
    answers = await asyncio.gather(*(door.post("/auth/otp/send", body, headers=place) for place in places))
    assert {answer.status_code for answer in answers} == {202}
    open_ones = "SELECT FROM one_time_code WHERE purpose = 'reset_password' AND code_hash IS NOT NULL"
    assert len(await door.rows(open_ones)) == 1


SAME_FOR_ALL: list[tuple[str, dict[str, Any]]] = [
    ("/auth/otp/send", {"purpose": "reset_password"}),
    ("/auth/otp/verify", {"code": "000000"}),
    ("/auth/email/confirmation", {}),
    ("/auth/email/confirm", {"code": "000000"}),
    ("/auth/check-email", {}),
    ("/auth/pre-register", {}),
]


async def test_nothing_tells_a_known_address_from_an_unknown_one(open_door: OpenDoor) -> None:
    door = await open_door(reveals_account_existence=False)
    known = [await door.registered() for _ in range(2)]
    [sent] = await emails_to(door, known[0], "confirm_email")
    data(await confirm(door, known[0], sent.code))
    for path, fields in SAME_FOR_ALL:
        people = [known[0]["email"], known[1]["email"], "nobody@shop.test"]
        answers = [await door.post(path, {"email": email} | fields) for email in people for _ in range(6)]
        bodies = [{**answer.json(), "request_id": None} for answer in answers]
        statuses = [answer.status_code for answer in answers]
        assert bodies[:6] == bodies[6:12] == bodies[12:], path
        assert statuses[:6] == statuses[6:12] == statuses[12:], path
        assert statuses[5] == 429, path


async def test_a_code_that_nobody_was_sent_is_never_right(door: Door) -> None:
    data(await door.post("/auth/otp/send", {"email": "nobody@shop.test"}), 202)
    [row] = await door.rows("SELECT id, subject FROM one_time_code")
    codes = door.identification.codes
    right = [f"{n:06}" for n in range(3)]
    async with door.database.begin() as tx:
        query = "UPDATE one_time_code SET code_hash = $1 WHERE id = $2"
        await tx.sql.execute(query, codes.hash_of(row["id"], "reset_password", right[0]), row["id"])
    assert problem(await verify(door, {"email": "nobody@shop.test"}, right[0]), 422) == WRONG


async def test_registering_a_taken_address_again_sends_the_owner_another_confirmation(open_door: OpenDoor) -> None:
    door = await open_door(reveals_account_existence=False)
    user = await door.registered(email="known@shop.test")
    await door.registered(email="known@shop.test", password="another good secret")
    sent = await emails_to(door, user, "confirm_email")
    assert len(sent) == 2
    data(await confirm(door, user, sent[1].code))
    await door.registered(email="known@shop.test", password="another good secret")
    assert len(await emails_to(door, user, "confirm_email")) == 2
    assert (await door.login("known@shop.test")).status_code == 200


async def test_no_code_link_or_grant_is_kept_in_clear(door: Door) -> None:
    user = await door.registered()
    [sent] = await emails_to(door, user, "confirm_email")
    reset = await request_reset(door, user)
    grant = data(await verify(door, user, reset.code))["grant"]
    tables = ("account", "one_time_code", "outbox", "audit", "throttle")
    stored = [row["row"] for name in tables for row in await door.rows(f"SELECT {name}::text AS row FROM {name}")]
    payloads = [bytes(row["payload"]).decode() for row in await door.rows("SELECT payload FROM outbox")]
    for secret in (sent.token, reset.token, grant, PASSWORD):
        assert not [row for row in stored + payloads if secret in row or secret.encode().hex() in row]
    quoted = [f'"{code}"' for code in (sent.code, reset.code)]
    assert not [row for row in payloads for code in quoted if code in row]


async def test_what_is_wrong_with_a_request_is_named(door: Door) -> None:
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
        assert problem(await door.post(path, body), 422)[0] == field, (path, body)
