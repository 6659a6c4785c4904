"""People delete their account: at once to the outside, for good after a while."""

import asyncio
from datetime import timedelta

from services.auth.tests.emails import request_reset
from services.auth.tests.factors import app_code, delete, guarded
from services.auth.tests.harness import PASSWORD, Door, data, problem

from common.clock import FixedClock
from common.contracts.auth import SessionRevoked, UserErased, UserUpdated

PROFILE = {"first_name": "Neema", "last_name": "Mushi", "phone": "+255754000111", "birth_date": "1990-02-28"}
PROFILE |= {"address": "Makongoro Rd 1", "city": "Mwanza", "pincode": "33101", "time_zone": "Africa/Dar_es_Salaam"}


async def erase(door: Door) -> int:
    """What the job does each hour."""
    [job] = [job for job in door.service.jobs if job.name == "auth.erase"]
    return await job.run() or 0


async def test_who_deletes_the_account_is_signed_out_everywhere_and_for_everybody_it_never_was(door: Door) -> None:
    person = await door.signed_in()
    email = person["user"]["email"]
    other = await door.signed_in(email)
    assert problem(await delete(door, "/auth/me", person, {"password": "a wrong guess"}), 422) == (
        "password",
        "wrong_password",
    )
    data(await delete(door, "/auth/me", person, {"password": PASSWORD}))
    for tokens in (person, other):
        assert problem(await door.get("/auth/me", tokens), 401) == (None, "session_revoked")
        assert problem(await door.post("/auth/verify", {"token": tokens["access_token"]}), 401)
        assert (await door.refresh(tokens["refresh_token"])).status_code == 401
    gone, never = await door.login(email), await door.login("nobody@shop.test")
    assert gone.status_code == never.status_code == 401
    assert gone.json() | {"request_id": None} == never.json() | {"request_id": None}
    assert len(await door.told(SessionRevoked, person["user"]["id"])) == 2


async def test_sign_ins_to_a_deleted_account_are_throttled_like_those_to_none(door: Door) -> None:
    person = await door.signed_in()
    data(await delete(door, "/auth/me", person, {"password": PASSWORD}))
    answers = [await door.login(person["user"]["email"]) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [401] * 5 + [429]


async def test_sign_ins_that_race_a_deletion_leave_no_live_session(door: Door) -> None:
    person = await door.signed_in()
    email = person["user"]["email"]
    deletion = delete(door, "/auth/me", person, {"password": PASSWORD})
    racing = [door.login(email) for _ in range(6)] + [deletion] + [door.login(email) for _ in range(6)]
    assert {answer.status_code for answer in await asyncio.gather(*racing)} <= {200, 401, 429}
    live = "SELECT FROM session WHERE ended_at IS NULL AND account_id = $1::text::uuid"
    assert await door.rows(live, person["user"]["id"]) == []


async def test_with_a_second_factor_the_password_alone_deletes_nothing(door: Door) -> None:
    person = await guarded(door)
    refused = await delete(door, "/auth/me", person.tokens, {"password": PASSWORD})
    assert problem(refused, 422) == ("code", "otp_required")
    data(await delete(door, "/auth/me", person.tokens, {"password": PASSWORD, "code": app_code(person.secret)}))


async def test_a_deleted_account_can_be_restored_for_a_month_and_then_nothing_personal_is_left(
    door: Door, time: FixedClock
) -> None:
    person = await guarded(door)
    data(await door.patch("/auth/me", PROFILE, person.tokens))
    path = f"/users/{person.id}"
    await request_reset(door, person.tokens["user"])
    data(await door.post("/auth/pre-register", {"email": person.email}), 202)
    data(await delete(door, "/auth/me", person.tokens, {"password": PASSWORD, "code": app_code(person.secret)}))
    time.advance(timedelta(days=29))
    assert await erase(door) == 0
    restored = data(await door.act(f"{path}/restore", await door.admin()))
    assert {name: restored[name] for name in PROFILE} == PROFILE

    data(await delete(door, path, await door.admin()))
    time.advance(timedelta(days=30, seconds=1))
    assert (await erase(door), await erase(door)) == (1, 0)
    found = data(await door.get(path, await door.admin()))
    assert (found["email"], found["username"]) == (f"erased-{person.id}@erased.invalid", None)
    assert not {str(found[name]) for name in PROFILE} & set(PROFILE.values())
    assert problem(await door.act(f"{path}/restore", await door.admin()), 409) == (None, "account_erased")
    for table in ("session", "device", "totp", "recovery_code", "one_time_code"):
        rows = await door.rows(f"SELECT FROM {table} WHERE account_id = $1::text::uuid", person.id)
        assert rows == [], table
    assert await door.rows("SELECT FROM pre_registration") == []
    assert len(await door.told(UserErased, person.id)) == 1
    last = (await door.told(UserUpdated, person.id))[-1]
    assert (last.first_name, last.phone, last.email) == ("", None, found["email"])


async def test_an_erased_address_is_free_for_a_new_account(door: Door, time: FixedClock) -> None:
    person = await door.signed_in()
    email = person["user"]["email"]
    data(await delete(door, "/auth/me", person, {"password": PASSWORD}))
    taken = {"email": email, "password": PASSWORD}
    assert problem(await door.post("/auth/register", taken), 409) == ("email", "email_taken")
    time.advance(timedelta(days=31))
    assert await erase(door) == 1
    assert (await door.registered(email=email))["id"] != person["user"]["id"]


async def test_two_erasures_at_once_do_the_work_once(door: Door, time: FixedClock) -> None:
    people = [await door.signed_in() for _ in range(3)]
    for person in people:
        data(await delete(door, "/auth/me", person, {"password": PASSWORD}))
    time.advance(timedelta(days=31))
    assert sum(await asyncio.gather(erase(door), erase(door))) == 3
    told = [await door.told(UserErased, person["user"]["id"]) for person in people]
    assert [len(events) for events in told] == [1, 1, 1]
