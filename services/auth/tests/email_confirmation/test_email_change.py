"""Change of the e-mail address."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
from services.auth.tests.emails import ReadEmail, emails_to, request_reset
from services.auth.tests.harness import PASSWORD, AuthApi, data, problem

from common.clock import FixedClock
from common.contracts.auth import EmailChangeRequested, SecurityChanged, UserUpdated
from common.ids import new_id

Tokens = dict[str, Any]


def address() -> str:
    return f"{new_id().hex}@shop.test"


async def ask(api: AuthApi, tokens: Tokens, email: str, **reauthentication: str) -> httpx.Response:
    return await api.act("/auth/email/change", tokens, {"email": email} | reauthentication)


async def emailed_change(api: AuthApi, tokens: Tokens, email: str) -> ReadEmail:
    """What the new address is sent."""
    data(await ask(api, tokens, email), 202)
    return (await emails_to(api, tokens["user"], "change_email"))[-1]


async def finish(api: AuthApi, tokens: Tokens, code: str) -> httpx.Response:
    return await api.act("/auth/email/change/confirm", tokens, {"code": code})


async def test_the_code_changes_the_address_and_the_former_address_is_notified(api: AuthApi) -> None:
    tokens, email = await api.signed_in(), address()
    former, user_id = tokens["user"]["email"], tokens["user"]["id"]
    sent = await emailed_change(api, tokens, email)
    assert data(await api.get("/auth/me", tokens))["email"] == former

    assert data(await finish(api, tokens, sent.code)) == {"other_sessions": 0}

    me = data(await api.get("/auth/me", tokens))
    assert (me["email"], me["email_confirmed"]) == (email, True)
    assert [fact.email for fact in await api.published(EmailChangeRequested, user_id)] == [email]
    assert (await api.published(UserUpdated, user_id))[-1].email == email
    [event] = await api.published(SecurityChanged, user_id)
    assert (event.what, event.email) == ("email_changed", former)
    assert ((await api.login(email)).status_code, (await api.login(former)).status_code) == (200, 401)
    assert problem(await finish(api, tokens, sent.code), 422) == ("code", "code_invalid")


async def test_the_link_changes_the_address_without_a_session(api: AuthApi) -> None:
    tokens, email = await api.signed_in(), address()
    sent = await emailed_change(api, tokens, email)
    page = await api.get(f"/auth/email/confirm?token={sent.token}")
    assert page.status_code == 200
    assert data(await api.get("/auth/me", tokens))["email"] != email
    data(await api.post("/auth/email/confirm", {"token": sent.token}))
    assert data(await api.get("/auth/me", tokens))["email"] == email
    assert problem(await api.post("/auth/email/confirm", {"token": sent.token}), 422) == ("token", "token_invalid")


async def test_an_address_change_requires_re_authentication(api: AuthApi, time: FixedClock) -> None:
    tokens = await api.signed_in()
    time.advance(timedelta(seconds=301))
    assert problem(await ask(api, tokens, address()), 403) == ("password", "step_up_required")
    data(await ask(api, tokens, address(), password=PASSWORD), 202)


async def test_a_taken_address_gets_the_response_of_a_free_one_and_no_e_mail(api: AuthApi) -> None:
    tokens, other = await api.signed_in(), await api.registered()
    taken, free = await ask(api, tokens, other["email"]), await ask(api, tokens, address())
    assert data(taken, 202) == data(free, 202)
    assert taken.json()["message"] == free.json()["message"]
    assert len(await emails_to(api, tokens["user"], "change_email")) == 1
    assert await api.audited(tokens["user"]["id"], "request_change_email") == ["not_sent", "sent"]
    own = await ask(api, tokens, tokens["user"]["email"].upper())
    assert problem(own, 422) == ("email", "email_unchanged")


async def test_only_the_last_requested_address_can_be_confirmed(api: AuthApi) -> None:
    tokens = await api.signed_in()
    first, second = await emailed_change(api, tokens, address()), await emailed_change(api, tokens, last := address())
    assert problem(await api.post("/auth/email/confirm", {"token": first.token}), 422)[1] == "token_invalid"
    data(await finish(api, tokens, second.code))
    assert data(await api.get("/auth/me", tokens))["email"] == last


async def test_only_one_of_two_concurrent_changes_gets_an_address(api: AuthApi) -> None:
    people, email = [await api.signed_in() for _ in range(2)], address()
    codes = [(await emailed_change(api, person, email)).code for person in people]
    answers = await asyncio.gather(*(finish(api, who, code) for who, code in zip(people, codes, strict=True)))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert len(await api.rows("SELECT FROM account WHERE email = $1", email)) == 1


async def test_a_change_code_is_valid_for_its_account_and_five_attempts(api: AuthApi) -> None:
    tokens, other = await api.signed_in(), await api.signed_in()
    sent = await emailed_change(api, tokens, address())
    assert problem(await finish(api, other, sent.code), 422) == ("code", "code_invalid")
    guesses = [await finish(api, tokens, sent.wrong) for _ in range(5)]
    assert {problem(guess, 422)[1] for guess in guesses} == {"code_invalid"}
    assert (await finish(api, tokens, sent.code)).status_code in (422, 429)


async def test_resets_sent_to_the_former_address_are_invalid(api: AuthApi) -> None:
    tokens = await api.signed_in()
    reset = await request_reset(api, tokens["user"])
    data(await finish(api, tokens, (await emailed_change(api, tokens, address())).code))
    late = await api.post("/auth/password/reset", {"token": reset.token, "new_password": "a thief's secret"})
    assert problem(late, 422) == ("token", "token_invalid")


async def test_change_requests_are_throttled(api: AuthApi) -> None:
    tokens = await api.signed_in()
    answers = [await ask(api, tokens, address()) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [202] * 5 + [429]
    assert len(await emails_to(api, tokens["user"], "change_email")) == 5
