"""Account deletion: sign-in is rejected at once, personal data is erased later."""

import asyncio
from datetime import timedelta

from services.auth.tests.emails import request_reset
from services.auth.tests.harness import PASSWORD, AuthApi, data, problem
from services.auth.tests.totp.factors import app_code, delete, totp_user

from common.clock import FixedClock
from common.contracts.auth import SessionRevoked, UserErased, UserUpdated

PROFILE = {"first_name": "Neema", "last_name": "Mushi", "phone": "+255754000111", "birth_date": "1990-02-28"}
PROFILE |= {"address": "Makongoro Rd 1", "city": "Mwanza", "pincode": "33101", "time_zone": "Africa/Dar_es_Salaam"}


async def erase(api: AuthApi) -> int:
    """What the job does each hour."""
    [job] = [job for job in api.service.jobs if job.name == "auth.erase"]
    return await job.run() or 0


async def test_a_deleted_account_is_signed_out_and_answers_like_an_unknown_one(api: AuthApi) -> None:
    person = await api.signed_in()
    email = person["user"]["email"]
    other = await api.signed_in(email)
    assert problem(await delete(api, "/auth/me", person, {"password": "a wrong guess"}), 422) == (
        "password",
        "wrong_password",
    )
    data(await delete(api, "/auth/me", person, {"password": PASSWORD}))
    for tokens in (person, other):
        assert problem(await api.get("/auth/me", tokens), 401) == (None, "session_revoked")
        assert problem(await api.post("/auth/verify", {"token": tokens["access_token"]}), 401)
        assert (await api.refresh(tokens["refresh_token"])).status_code == 401
    gone, never = await api.login(email), await api.login("nobody@shop.test")
    assert gone.status_code == never.status_code == 401
    assert gone.json() | {"request_id": None} == never.json() | {"request_id": None}
    assert len(await api.published(SessionRevoked, person["user"]["id"])) == 2


async def test_sign_ins_to_a_deleted_account_are_throttled_like_unknown_ones(api: AuthApi) -> None:
    person = await api.signed_in()
    data(await delete(api, "/auth/me", person, {"password": PASSWORD}))
    answers = [await api.login(person["user"]["email"]) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [401] * 5 + [429]


async def test_sign_ins_concurrent_with_a_deletion_leave_no_live_session(api: AuthApi) -> None:
    person = await api.signed_in()
    email = person["user"]["email"]
    deletion = delete(api, "/auth/me", person, {"password": PASSWORD})
    racing = [api.login(email) for _ in range(6)] + [deletion] + [api.login(email) for _ in range(6)]
    assert {answer.status_code for answer in await asyncio.gather(*racing)} <= {200, 401, 429}
    live = "SELECT FROM session WHERE ended_at IS NULL AND account_id = $1::text::uuid"
    assert await api.rows(live, person["user"]["id"]) == []


async def test_with_a_second_factor_the_password_alone_deletes_nothing(api: AuthApi) -> None:
    person = await totp_user(api)
    rejected = await delete(api, "/auth/me", person.tokens, {"password": PASSWORD})
    assert problem(rejected, 422) == ("code", "otp_required")
    data(await delete(api, "/auth/me", person.tokens, {"password": PASSWORD, "code": app_code(person.secret)}))


async def test_a_deleted_account_can_be_restored_for_a_month_and_is_then_erased(api: AuthApi, time: FixedClock) -> None:
    person = await totp_user(api)
    data(await api.patch("/auth/me", PROFILE, person.tokens))
    path = f"/users/{person.id}"
    await request_reset(api, person.tokens["user"])
    data(await api.post("/auth/pre-register", {"email": person.email}), 202)
    data(await delete(api, "/auth/me", person.tokens, {"password": PASSWORD, "code": app_code(person.secret)}))
    time.advance(timedelta(days=29))
    assert await erase(api) == 0
    restored = data(await api.act(f"{path}/restore", await api.admin()))
    assert {name: restored[name] for name in PROFILE} == PROFILE

    data(await delete(api, path, await api.admin()))
    time.advance(timedelta(days=30, seconds=1))
    assert (await erase(api), await erase(api)) == (1, 0)
    found = data(await api.get(path, await api.admin()))
    assert (found["email"], found["username"]) == (f"erased-{person.id}@erased.invalid", None)
    assert not {str(found[name]) for name in PROFILE} & set(PROFILE.values())
    assert problem(await api.act(f"{path}/restore", await api.admin()), 409) == (None, "account_erased")
    for table in ("session", "device", "totp", "recovery_code", "one_time_code"):
        rows = await api.rows(f"SELECT FROM {table} WHERE account_id = $1::text::uuid", person.id)
        assert rows == [], table
    assert await api.rows("SELECT FROM pre_registration") == []
    assert len(await api.published(UserErased, person.id)) == 1
    last = (await api.published(UserUpdated, person.id))[-1]
    assert (last.first_name, last.phone, last.email) == ("", None, found["email"])


async def test_an_erased_address_is_free_for_a_new_account(api: AuthApi, time: FixedClock) -> None:
    person = await api.signed_in()
    email = person["user"]["email"]
    data(await delete(api, "/auth/me", person, {"password": PASSWORD}))
    taken = {"email": email, "password": PASSWORD}
    assert problem(await api.post("/auth/register", taken), 409) == ("email", "email_taken")
    time.advance(timedelta(days=31))
    assert await erase(api) == 1
    assert (await api.registered(email=email))["id"] != person["user"]["id"]


async def test_concurrent_erasures_erase_an_account_once(api: AuthApi, time: FixedClock) -> None:
    people = [await api.signed_in() for _ in range(3)]
    for person in people:
        data(await delete(api, "/auth/me", person, {"password": PASSWORD}))
    time.advance(timedelta(days=31))
    assert sum(await asyncio.gather(erase(api), erase(api))) == 3
    events = [await api.published(UserErased, person["user"]["id"]) for person in people]
    assert [len(each) for each in events] == [1, 1, 1]
