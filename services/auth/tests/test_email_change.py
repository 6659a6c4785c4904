"""Another address for an account: after a proof, by what was sent there, and told to the former one."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
from services.auth.tests.emails import ReadEmail, emails_to, request_reset
from services.auth.tests.harness import PASSWORD, Door, data, problem

from common.clock import FixedClock
from common.contracts.auth import EmailChangeRequested, SecurityChanged, UserUpdated
from common.ids import new_id

Tokens = dict[str, Any]


def address() -> str:
    return f"{new_id().hex}@shop.test"


async def ask(door: Door, tokens: Tokens, email: str, **proof: str) -> httpx.Response:
    return await door.act("/auth/email/change", tokens, {"email": email} | proof)


async def letter(door: Door, tokens: Tokens, email: str) -> ReadEmail:
    """What the new address is sent."""
    data(await ask(door, tokens, email), 202)
    return (await emails_to(door, tokens["user"], "change_email"))[-1]


async def finish(door: Door, tokens: Tokens, code: str) -> httpx.Response:
    return await door.act("/auth/email/change/confirm", tokens, {"code": code})


async def test_an_address_changes_by_the_code_sent_to_the_new_one_and_the_former_is_told(door: Door) -> None:
    tokens, email = await door.signed_in(), address()
    former, user_id = tokens["user"]["email"], tokens["user"]["id"]
    sent = await letter(door, tokens, email)
    assert data(await door.get("/auth/me", tokens))["email"] == former

    assert data(await finish(door, tokens, sent.code)) == {"other_sessions": 0}

    me = data(await door.get("/auth/me", tokens))
    assert (me["email"], me["email_confirmed"]) == (email, True)
    assert [fact.email for fact in await door.told(EmailChangeRequested, user_id)] == [email]
    assert (await door.told(UserUpdated, user_id))[-1].email == email
    [told] = await door.told(SecurityChanged, user_id)
    assert (told.what, told.email) == ("email_changed", former)
    assert ((await door.login(email)).status_code, (await door.login(former)).status_code) == (200, 401)
    assert problem(await finish(door, tokens, sent.code), 422) == ("code", "code_invalid")


async def test_the_link_of_the_letter_changes_the_address_without_a_session(door: Door) -> None:
    tokens, email = await door.signed_in(), address()
    sent = await letter(door, tokens, email)
    page = await door.get(f"/auth/email/confirm?token={sent.token}")
    assert page.status_code == 200
    assert data(await door.get("/auth/me", tokens))["email"] != email
    data(await door.post("/auth/email/confirm", {"token": sent.token}))
    assert data(await door.get("/auth/me", tokens))["email"] == email
    assert problem(await door.post("/auth/email/confirm", {"token": sent.token}), 422) == ("token", "token_invalid")


async def test_another_address_asks_for_a_fresh_proof(door: Door, time: FixedClock) -> None:
    tokens = await door.signed_in()
    time.advance(timedelta(seconds=301))
    assert problem(await ask(door, tokens, address()), 403) == ("password", "step_up_required")
    data(await ask(door, tokens, address(), password=PASSWORD), 202)


async def test_a_taken_address_is_answered_like_a_free_one_and_gets_no_letter(door: Door) -> None:
    tokens, other = await door.signed_in(), await door.registered()
    taken, free = await ask(door, tokens, other["email"]), await ask(door, tokens, address())
    assert data(taken, 202) == data(free, 202)
    assert taken.json()["message"] == free.json()["message"]
    assert len(await emails_to(door, tokens["user"], "change_email")) == 1
    assert await door.audited(tokens["user"]["id"], "request_change_email") == ["not_sent", "sent"]
    own = await ask(door, tokens, tokens["user"]["email"].upper())
    assert problem(own, 422) == ("email", "email_unchanged")


async def test_only_the_last_request_counts(door: Door) -> None:
    tokens = await door.signed_in()
    first, second = await letter(door, tokens, address()), await letter(door, tokens, last := address())
    assert problem(await door.post("/auth/email/confirm", {"token": first.token}), 422)[1] == "token_invalid"
    data(await finish(door, tokens, second.code))
    assert data(await door.get("/auth/me", tokens))["email"] == last


async def test_two_accounts_that_move_to_one_address_at_once_do_not_both_get_it(door: Door) -> None:
    people, email = [await door.signed_in() for _ in range(2)], address()
    codes = [(await letter(door, person, email)).code for person in people]
    answers = await asyncio.gather(*(finish(door, who, code) for who, code in zip(people, codes, strict=True)))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert len(await door.rows("SELECT FROM account WHERE email = $1", email)) == 1


async def test_a_code_is_its_accounts_and_guessing_it_ends(door: Door) -> None:
    tokens, other = await door.signed_in(), await door.signed_in()
    sent = await letter(door, tokens, address())
    assert problem(await finish(door, other, sent.code), 422) == ("code", "code_invalid")
    guesses = [await finish(door, tokens, sent.wrong) for _ in range(5)]
    assert {problem(guess, 422)[1] for guess in guesses} == {"code_invalid"}
    assert (await finish(door, tokens, sent.code)).status_code in (422, 429)


async def test_what_the_former_address_was_sent_sets_no_password_any_more(door: Door) -> None:
    tokens = await door.signed_in()
    reset = await request_reset(door, tokens["user"])
    data(await finish(door, tokens, (await letter(door, tokens, address())).code))
    late = await door.post("/auth/password/reset", {"token": reset.token, "new_password": "a thief's secret"})
    assert problem(late, 422) == ("token", "token_invalid")


async def test_letters_cannot_be_asked_for_without_end(door: Door) -> None:
    tokens = await door.signed_in()
    answers = [await ask(door, tokens, address()) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [202] * 5 + [429]
    assert len(await emails_to(door, tokens["user"], "change_email")) == 5
