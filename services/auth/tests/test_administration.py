"""What administrators do to accounts besides roles and closing: open them, change them, delete and restore them."""

import asyncio
from typing import Any

from services.auth.tests.factors import delete
from services.auth.tests.harness import ADMIN, PASSWORD, Door, bearer, data, problem

from common.contracts.auth import SessionRevoked, UserDeactivated, UserRegistered, UserUpdated

NEW = {"email": "clerk@shop.test", "password": PASSWORD, "role": "staff", "first_name": "Juma", "phone": ""}


async def put(door: Door, path: str, body: object, tokens: dict[str, Any]) -> Any:
    return await door.http.put(f"/api/v1{path}", json=body, headers=bearer(tokens))


async def test_an_admin_opens_an_account_for_a_member_of_staff(door: Door) -> None:
    admin, customer = await door.admin(), await door.signed_in()
    assert problem(await door.act("/users", customer, NEW), 403) == (None, "forbidden")
    user = data(await door.act("/users", admin, NEW | {"max_messages_per_day": 7}), 201)
    assert (user["role"], user["first_name"], user["phone"], user["max_messages_per_day"]) == ("staff", "Juma", None, 7)
    assert (await door.get("/users", await door.signed_in("clerk@shop.test"))).status_code == 200
    [told] = await door.told(UserRegistered, user["id"])
    assert (told.roles, told.max_messages_per_day) == (("staff",), 7)
    assert await door.audited(user["id"], "create_user") == ["staff"]
    assert problem(await door.act("/users", admin, NEW), 409) == ("email", "email_taken")
    weak = NEW | {"email": "b@shop.test", "password": "password1"}
    assert problem(await door.act("/users", admin, weak), 422) == ("password", "password_too_common")
    assert problem(await door.act("/users", admin, NEW | {"role": "root"}), 422)[0] == "role"


async def test_a_change_touches_what_it_names_and_a_replacement_names_all(door: Door) -> None:
    admin, person = await door.admin(), await door.signed_in()
    path, user_id = f"/users/{person['user']['id']}", person["user"]["id"]
    data(await door.patch(path, {"first_name": "Neema", "phone": "+255754000111"}, admin))
    changed = data(await door.patch(path, {"max_messages_per_day": 3}, admin))
    assert (changed["first_name"], changed["phone"], changed["max_messages_per_day"]) == ("Neema", "+255754000111", 3)
    assert problem(await put(door, path, {"first_name": "Neema"}, admin), 422)[1] == "missing"
    whole = {"first_name": "N", "last_name": "M", "phone": None, "role": "staff", "max_messages_per_day": None}
    replaced = data(await put(door, path, whole, admin))
    assert {name: replaced[name] for name in whole} == whole
    assert (replaced["is_active"], replaced["email"]) == (True, person["user"]["email"])
    told = await door.told(UserUpdated, user_id)
    assert [event.max_messages_per_day for event in told][:2] == [None, 3]
    assert (told[-1].roles, told[-1].max_messages_per_day) == (("staff",), None)
    assert await door.audited(user_id, "edit_user") == ["succeeded"] * 3


async def test_what_is_wrong_with_a_change_is_named(door: Door) -> None:
    admin, person = await door.admin(), await door.signed_in()
    wrong: dict[str, Any] = {"phone": "12345", "max_messages_per_day": -1, "role": None, "is_active": None}
    wrong |= {"first_name": None, "last_name": "\u202e"}
    for field, value in wrong.items():
        assert problem(await door.patch(f"/users/{person['user']['id']}", {field: value}, admin), 422)[0] == field
    assert problem(await door.patch(f"/users/{person['user']['id']}", {"max_messages_per_day": "5"}, admin), 422)


async def test_an_account_is_closed_and_reopened_by_a_change(door: Door) -> None:
    admin, person = await door.admin(), await door.signed_in()
    path = f"/users/{person['user']['id']}"
    assert data(await door.patch(path, {"is_active": False, "last_name": "M"}, admin))["is_active"] is False
    assert problem(await door.get("/auth/me", person), 401) == (None, "session_revoked")
    assert data(await door.patch(path, {"is_active": True}, admin))["last_name"] == "M"
    assert (await door.login(person["user"]["email"])).status_code == 200


async def test_a_deleted_account_is_gone_at_once_and_comes_back_as_it_was(door: Door) -> None:
    admin, person = await door.admin(), await door.signed_in()
    path, user_id, email = f"/users/{person['user']['id']}", person["user"]["id"], person["user"]["email"]
    for _ in range(2):
        data(await delete(door, path, admin))
    assert problem(await door.get("/auth/me", person), 401) == (None, "session_revoked")
    assert (await door.refresh(person["refresh_token"])).status_code == 401
    assert problem(await door.login(email), 401) == (None, "invalid_credentials")
    assert [event.reason for event in await door.told(SessionRevoked, user_id)] == ["account_deleted"]
    assert len(await door.told(UserDeactivated, user_id)) == 1
    assert email not in {user["email"] for user in data(await door.get("/users", admin))}
    [found] = data(await door.get("/users?is_deleted=true", admin))
    assert (found["id"], found["deleted_at"] is not None) == (user_id, True)
    for refused in (await door.act(f"{path}/activate", admin), await door.patch(path, {"first_name": "X"}, admin)):
        assert problem(refused, 409) == (None, "account_deleted")
    restored = data(await door.act(f"{path}/restore", admin))
    assert (restored["deleted_at"], restored["is_active"]) == (None, True)
    assert restored["email"] == email
    assert (await door.login(email)).status_code == 200
    assert await door.audited(user_id, "delete_account") == await door.audited(user_id, "restore_account")


async def test_the_last_admin_is_neither_demoted_closed_nor_deleted(door: Door) -> None:
    admin = await door.admin()
    path = f"/users/{admin['user']['id']}"
    proof = {"password": ADMIN["password"]}
    for refused in (
        await door.patch(path, {"role": "staff"}, admin),
        await door.patch(path, {"is_active": False}, admin),
        await delete(door, path, admin),
        await delete(door, "/auth/me", admin, proof),
    ):
        assert problem(refused, 409) == (None, "last_admin")


async def test_two_admins_cannot_delete_each_other(door: Door) -> None:
    first, second = await door.admin(), await door.signed_in()
    ids = [first["user"]["id"], second["user"]["id"]]
    data(await door.patch(f"/users/{ids[1]}", {"role": "admin"}, first))
    second = await door.signed_in(second["user"]["email"])
    answers = await asyncio.gather(
        delete(door, f"/users/{ids[1]}", first), door.patch(f"/users/{ids[0]}", {"is_active": False}, second)
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]


async def test_people_can_ask_what_each_role_may(door: Door) -> None:
    table = {
        entry["role"]: {one["name"] for one in entry["permissions"]}
        for entry in data(await door.get("/auth/roles", await door.signed_in()))
    }
    assert list(table) == ["customer", "staff", "admin"]
    assert table["customer"] == set() < table["staff"] < table["admin"]
    refused = await door.get("/users", await door.signed_in())
    assert (refused.status_code, "accounts.read" in refused.json()["message"]) == (403, True)
    assert "accounts.read" in table["staff"]
