"""User administration: create, change, delete and restore accounts."""

import asyncio
from typing import Any

from services.auth.tests.harness import ADMIN, PASSWORD, AuthApi, bearer, data, problem
from services.auth.tests.totp.factors import delete

from common.contracts.auth import SessionRevoked, UserDeactivated, UserRegistered, UserUpdated

NEW = {"email": "clerk@shop.test", "password": PASSWORD, "role": "staff", "first_name": "Juma", "phone": ""}


async def put(api: AuthApi, path: str, body: object, tokens: dict[str, Any]) -> Any:
    return await api.http.put(f"/api/v1{path}", json=body, headers=bearer(tokens))


async def test_an_admin_creates_an_account_for_staff(api: AuthApi) -> None:
    admin, customer = await api.admin(), await api.signed_in()
    assert problem(await api.act("/users", customer, NEW), 403) == (None, "forbidden")
    user = data(await api.act("/users", admin, NEW | {"max_messages_per_day": 7}), 201)
    assert (user["role"], user["first_name"], user["phone"], user["max_messages_per_day"]) == ("staff", "Juma", None, 7)
    assert (await api.get("/users", await api.signed_in("clerk@shop.test"))).status_code == 200
    [event] = await api.published(UserRegistered, user["id"])
    assert (event.roles, event.max_messages_per_day) == (("staff",), 7)
    assert await api.audited(user["id"], "create_user") == ["staff"]
    assert problem(await api.act("/users", admin, NEW), 409) == ("email", "email_taken")
    weak = NEW | {"email": "b@shop.test", "password": "password1"}
    assert problem(await api.act("/users", admin, weak), 422) == ("password", "password_too_common")
    assert problem(await api.act("/users", admin, NEW | {"role": "root"}), 422)[0] == "role"


async def test_patch_changes_the_given_fields_and_put_requires_all(api: AuthApi) -> None:
    admin, person = await api.admin(), await api.signed_in()
    path, user_id = f"/users/{person['user']['id']}", person["user"]["id"]
    data(await api.patch(path, {"first_name": "Neema", "phone": "+255754000111"}, admin))
    changed = data(await api.patch(path, {"max_messages_per_day": 3}, admin))
    assert (changed["first_name"], changed["phone"], changed["max_messages_per_day"]) == ("Neema", "+255754000111", 3)
    assert problem(await put(api, path, {"first_name": "Neema"}, admin), 422)[1] == "missing"
    whole = {"first_name": "N", "last_name": "M", "phone": None, "role": "staff", "max_messages_per_day": None}
    replaced = data(await put(api, path, whole, admin))
    assert {name: replaced[name] for name in whole} == whole
    assert (replaced["is_active"], replaced["email"]) == (True, person["user"]["email"])
    events = await api.published(UserUpdated, user_id)
    assert [event.max_messages_per_day for event in events][:2] == [None, 3]
    assert (events[-1].roles, events[-1].max_messages_per_day) == (("staff",), None)
    assert await api.audited(user_id, "edit_user") == ["succeeded"] * 3


async def test_an_invalid_change_names_the_field(api: AuthApi) -> None:
    admin, person = await api.admin(), await api.signed_in()
    wrong: dict[str, Any] = {"phone": "12345", "max_messages_per_day": -1, "role": None, "is_active": None}
    wrong |= {"first_name": None, "last_name": "\u202e"}
    for field, value in wrong.items():
        assert problem(await api.patch(f"/users/{person['user']['id']}", {field: value}, admin), 422)[0] == field
    assert problem(await api.patch(f"/users/{person['user']['id']}", {"max_messages_per_day": "5"}, admin), 422)


async def test_is_active_deactivates_and_activates_an_account(api: AuthApi) -> None:
    admin, person = await api.admin(), await api.signed_in()
    path = f"/users/{person['user']['id']}"
    assert data(await api.patch(path, {"is_active": False, "last_name": "M"}, admin))["is_active"] is False
    assert problem(await api.get("/auth/me", person), 401) == (None, "session_revoked")
    assert data(await api.patch(path, {"is_active": True}, admin))["last_name"] == "M"
    assert (await api.login(person["user"]["email"])).status_code == 200


async def test_a_deleted_account_cannot_sign_in_and_is_restored_unchanged(api: AuthApi) -> None:
    admin, person = await api.admin(), await api.signed_in()
    path, user_id, email = f"/users/{person['user']['id']}", person["user"]["id"], person["user"]["email"]
    for _ in range(2):
        data(await delete(api, path, admin))
    assert problem(await api.get("/auth/me", person), 401) == (None, "session_revoked")
    assert (await api.refresh(person["refresh_token"])).status_code == 401
    assert problem(await api.login(email), 401) == (None, "invalid_credentials")
    assert [event.reason for event in await api.published(SessionRevoked, user_id)] == ["account_deleted"]
    assert len(await api.published(UserDeactivated, user_id)) == 1
    assert email not in {user["email"] for user in data(await api.get("/users", admin))}
    [found] = data(await api.get("/users?is_deleted=true", admin))
    assert (found["id"], found["deleted_at"] is not None) == (user_id, True)
    for rejected in (await api.act(f"{path}/activate", admin), await api.patch(path, {"first_name": "X"}, admin)):
        assert problem(rejected, 409) == (None, "account_deleted")
    restored = data(await api.act(f"{path}/restore", admin))
    assert (restored["deleted_at"], restored["is_active"]) == (None, True)
    assert restored["email"] == email
    assert (await api.login(email)).status_code == 200
    assert await api.audited(user_id, "delete_account") == await api.audited(user_id, "restore_account")


async def test_the_last_admin_cannot_be_demoted_deactivated_or_deleted(api: AuthApi) -> None:
    admin = await api.admin()
    path = f"/users/{admin['user']['id']}"
    reauthentication = {"password": ADMIN["password"]}
    for rejected in (
        await api.patch(path, {"role": "staff"}, admin),
        await api.patch(path, {"is_active": False}, admin),
        await delete(api, path, admin),
        await delete(api, "/auth/me", admin, reauthentication),
    ):
        assert problem(rejected, 409) == (None, "last_admin")


async def test_two_admins_cannot_delete_each_other_concurrently(api: AuthApi) -> None:
    first, second = await api.admin(), await api.signed_in()
    ids = [first["user"]["id"], second["user"]["id"]]
    data(await api.patch(f"/users/{ids[1]}", {"role": "admin"}, first))
    second = await api.signed_in(second["user"]["email"])
    answers = await asyncio.gather(
        delete(api, f"/users/{ids[1]}", first), api.patch(f"/users/{ids[0]}", {"is_active": False}, second)
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
