"""One's own profile, and what administrators do to accounts."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from pydantic import ValidationError
from services.auth.tests.conftest import OpenDoor
from services.auth.tests.harness import ADMIN, Door, claims, data, problem

from auth.jobs import purge
from auth.settings import Settings
from auth.views import UserView
from common.clock import FixedClock
from common.contracts.auth import SessionRevoked, UserDeactivated, UserRegistered, UserUpdated
from common.errors import Conflict


async def test_people_change_their_profile_and_nothing_else(door: Door) -> None:
    tokens = await door.signed_in()
    changes = {"first_name": " Neema ", "phone": "+255 754 000 111", "birth_date": "1990-02-28", "language": "sw"}
    more = {"time_zone": "Africa/Dar_es_Salaam", "city": "Mwanza", "address": "Makongoro Rd 1", "pincode": "33101"}
    sneaked = {"role": "admin", "email": "other@shop.test", "is_active": False, "password_hash": "x", "id": "x"}
    user = data(await door.patch("/auth/me", changes | more | sneaked, tokens))
    expected = changes | more | {"first_name": "Neema", "phone": "+255754000111"}
    assert {name: user[name] for name in expected} == expected
    assert (user["role"], user["email"], user["is_active"]) == ("customer", tokens["user"]["email"], True)
    assert data(await door.get("/auth/me", tokens)) == user
    data(await door.patch("/auth/me", {"first_name": "Neema"}, tokens))
    [told] = await door.told(UserUpdated, user["id"])
    assert (told.first_name, told.phone, told.language) == ("Neema", "+255754000111", "sw")
    cleared = data(await door.patch("/auth/me", {"phone": None}, tokens))
    assert (cleared["phone"], cleared["birth_date"]) == (None, "1990-02-28")


async def test_what_is_wrong_with_a_profile_is_named(door: Door) -> None:
    tokens = await door.signed_in()
    wrong = {
        "phone": "12345",
        "birth_date": "2999-01-01",
        "language": "klingon!",
        "time_zone": "Mars/Olympus",
        "first_name": "\u202egnp.exe",
        "pincode": "<script>",
        "city": None,
    }
    for field, value in wrong.items():
        assert problem(await door.patch("/auth/me", {field: value}, tokens), 422)[0] == field


async def test_the_first_admin_is_made_once_and_later_starts_change_nothing(open_door: OpenDoor) -> None:
    door = await open_door()
    admin = await door.admin()
    assert (admin["user"]["role"], claims(admin)["roles"]) == ("admin", ["admin"])
    [told] = await door.told(UserRegistered, admin["user"]["id"])
    assert told.roles == ("admin",)
    other = {"admin_email": "other@shop.test", "admin_password": "some other secret"}
    again = await asyncio.gather(*(open_door(door.database, **other) for _ in range(3)))
    assert [(await late.login("other@shop.test", "some other secret")).status_code for late in again] == [401] * 3
    assert (await again[0].login(ADMIN["email"], ADMIN["password"])).status_code == 200
    assert len(await door.rows("SELECT FROM account")) == 1


async def test_three_first_starts_at_once_make_one_admin(open_door: OpenDoor) -> None:
    door = await open_door(admin_email="")
    starts = ({"admin_email": f"owner{i}@shop.test", "admin_password": "a secret of mine"} for i in range(3))
    await asyncio.gather(*(open_door(door.database, **start) for start in starts))
    assert len(await door.rows("SELECT FROM account WHERE role = 'admin'")) == 1


async def test_a_customer_does_not_become_admin_by_having_the_admins_address(open_door: OpenDoor) -> None:
    door = await open_door(admin_email="")
    await door.registered(email="boss@shop.test")
    with pytest.raises(Conflict, match="DUKAN_ADMIN_EMAIL"):
        await open_door(door.database, admin_email="Boss@shop.test", admin_password="a secret of mine")
    assert await door.rows("SELECT FROM account WHERE role = 'admin'") == []


def test_production_starts_with_a_secret_of_its_own_only(monkeypatch: pytest.MonkeyPatch) -> None:
    given = dict.fromkeys(("database_url", "amqp_url", "issuer", "audience", "auth_url"), "x")
    given["mail_secret"] = given["media_secret"] = "m" * 32
    given["trusted_proxies"] = "10.0.0.0/8"
    for secret, complaint in (
        ({}, "DUKAN_KEY_SECRET"),
        ({"key_secret": "short"}, "DUKAN_KEY_SECRET needs at least 32 characters"),
        ({"key_secret": "s" * 32, "mail_secret": "short"}, "DUKAN_MAIL_SECRET needs at least 32 characters"),
        ({"key_secret": "s" * 32, "media_secret": "short"}, "DUKAN_MEDIA_SECRET needs at least 32 characters"),
        ({"key_secret": "s" * 32, "trusted_proxies": None}, "DUKAN_TRUSTED_PROXIES"),
        ({"key_secret": "s" * 32, "trusted_proxies": "0.0.0.0/0"}, "any address"),
    ):
        with pytest.raises(ValidationError, match=complaint):
            Settings.model_validate({"mode": "production", **given, **secret})
    settings = Settings.model_validate({"mode": "production", "key_secret": "s" * 32} | given)
    assert settings.reveals_account_existence is False
    monkeypatch.setenv("DUKAN_TRUSTED_PROXIES", "10.0.0.0/8, 192.168.1.7")
    assert [str(network) for network in Settings().trusted_proxies or ()] == ["10.0.0.0/8", "192.168.1.7/32"]


async def test_staff_find_users_and_customers_do_not(door: Door) -> None:
    admin, customer = await door.admin(), await door.signed_in()
    await door.registered(email="zawadi_k@shop.test", first_name="Zawadi")
    await door.registered(email="zawadixk@shop.test")
    assert problem(await door.get("/users", customer), 403) == (None, "forbidden")
    assert problem(await door.get(f"/users/{admin['user']['id']}", customer), 403) == (None, "forbidden")
    assert (await door.get("/users")).status_code == 401
    answer = await door.get("/users?search=ZAWADI_&ordering=email", admin)
    assert [user["email"] for user in data(answer)] == ["zawadi_k@shop.test"]
    answer = await door.get("/users?role=customer&page_size=2&is_active=true&ordering=-email", admin)
    assert [user["email"] for user in data(answer)] == ["zawadixk@shop.test", "zawadi_k@shop.test"]
    assert (answer.json()["meta"]["total"], answer.json()["meta"]["next"] is not None) == (3, True)
    assert (await door.get("/users?ordering=password_hash", admin)).status_code == 422
    assert (await door.get("/users?search=%00", admin)).status_code == 422
    assert data(await door.get(f"/users/{customer['user']['id']}", admin))["email"] == customer["user"]["email"]
    assert (await door.get("/users/01890000-0000-7000-8000-000000000000", admin)).status_code == 404


async def test_a_role_is_given_by_admins_and_a_demotion_ends_the_sessions(door: Door) -> None:
    admin, clerk = await door.admin(), await door.signed_in()
    path, email = f"/users/{clerk['user']['id']}", clerk["user"]["email"]
    assert (await door.patch(path, {"role": "admin"}, clerk)).status_code == 403
    assert problem(await door.patch(path, {"role": "root"}, admin), 422)[0] == "role"
    assert data(await door.patch(path, {"role": "staff"}, admin))["roles"] == ["staff"]
    assert claims(data(await door.refresh(clerk["refresh_token"])))["roles"] == ["staff"]
    clerk = await door.signed_in(email)
    assert (await door.get("/users", clerk)).status_code == 200
    assert (await door.patch(path, {"role": "admin"}, clerk)).status_code == 403
    data(await door.patch(path, {"role": "customer"}, admin))
    assert problem(await door.get("/users", clerk), 401) == (None, "session_revoked")
    assert {told.reason for told in await door.told(SessionRevoked, clerk["user"]["id"])} == {"role_changed"}
    assert await door.audited(clerk["user"]["id"], "change_role") == ["staff", "customer"]


async def test_a_deactivated_account_is_out_at_once_and_back_when_activated(door: Door) -> None:
    admin, customer = await door.admin(), await door.signed_in()
    path, user_id = f"/users/{customer['user']['id']}", customer["user"]["id"]
    for _ in range(2):
        assert data(await door.act(f"{path}/deactivate", admin))["is_active"] is False
    assert (await door.get("/auth/me", customer)).status_code == 401
    assert (await door.refresh(customer["refresh_token"])).status_code == 401
    assert problem(await door.login(customer["user"]["email"]), 403) == (None, "account_deactivated")
    assert (await door.login(customer["user"]["email"], "a wrong guess")).status_code == 401
    assert len(await door.told(UserDeactivated, user_id)) == len(await door.told(SessionRevoked, user_id)) == 1
    data(await door.act(f"{path}/activate", admin))
    assert (await door.login(customer["user"]["email"])).status_code == 200


async def test_sign_ins_that_race_a_deactivation_leave_no_live_session(door: Door) -> None:
    admin, customer = await door.admin(), await door.signed_in()
    email, path = customer["user"]["email"], f"/users/{customer['user']['id']}/deactivate"
    racing = [door.login(email) for _ in range(6)] + [door.act(path, admin)] + [door.login(email) for _ in range(6)]
    assert {answer.status_code for answer in await asyncio.gather(*racing)} <= {200, 403}
    live = "SELECT FROM session WHERE ended_at IS NULL AND account_id = $1::text::uuid"
    assert await door.rows(live, customer["user"]["id"]) == []


async def test_two_admins_cannot_remove_each_other(door: Door) -> None:
    first, second = await door.admin(), await door.signed_in()
    ids = [first["user"]["id"], second["user"]["id"]]
    data(await door.patch(f"/users/{ids[1]}", {"role": "admin"}, first))
    second = await door.signed_in(second["user"]["email"])
    answers = await asyncio.gather(
        door.act(f"/users/{ids[1]}/deactivate", first), door.patch(f"/users/{ids[0]}", {"role": "staff"}, second)
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert [problem(a, 409) for a in answers if a.status_code == 409] == [(None, "last_admin")]


async def test_what_no_longer_matters_is_purged_and_the_rest_stays(door: Door, time: FixedClock) -> None:
    gone = await door.signed_in()
    await door.login("nobody@shop.test", "a wrong guess")
    data(await door.act("/auth/logout", gone))
    time.advance(timedelta(days=31))
    kept = await door.signed_in(gone["user"]["email"])
    async with door.database.begin() as tx:
        assert await purge(tx, keep_audit=timedelta(days=400)) == 3
    assert [str(row["id"]) for row in await door.rows("SELECT id FROM session")] == [claims(kept)["sid"]]
    assert len(await door.audited(gone["user"]["id"], "sign_in")) == 2


async def test_the_profile_that_the_database_renders_is_the_one_that_the_document_promises(door: Door) -> None:
    tokens = await door.signed_in()
    for fields in ({}, {"first_name": 'Née "Ma"\\', "birth_date": "1990-02-28", "phone": "+255754000111"}):
        changed = data(await door.patch("/auth/me", fields, tokens))
        answer = await door.get("/auth/me", tokens)
        assert data(answer) == changed
        assert set(changed) == set(UserView.model_fields)
        body = answer.json()
        assert (body["status"], body["message"], body["errors"], "meta" in body) == ("success", "OK", None, False)
    assert problem(await door.get("/auth/me"), 401)[1] == "unauthenticated"
    await door.rows("DELETE FROM account WHERE id = $1", UUID(tokens["user"]["id"]))
    assert problem(await door.get("/auth/me", tokens), 401)[1] == "account_gone"


async def test_people_who_ask_for_themselves_at_once_get_themselves(door: Door) -> None:
    people = [await door.signed_in() for _ in range(4)]
    answers = await asyncio.gather(*(door.get("/auth/me", tokens) for tokens in people * 3))
    assert [data(answer)["id"] for answer in answers] == [tokens["user"]["id"] for tokens in people * 3]
