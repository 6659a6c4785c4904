"""Listing users, roles, deactivation."""

import asyncio

from services.auth.tests.harness import AuthApi, claims, data, problem

from common.contracts.auth import SessionRevoked, UserDeactivated


async def test_staff_can_list_users_and_customers_cannot(api: AuthApi) -> None:
    admin, customer = await api.admin(), await api.signed_in()
    await api.registered(email="zawadi_k@shop.test", first_name="Zawadi")
    await api.registered(email="zawadixk@shop.test")
    assert problem(await api.get("/users", customer), 403) == (None, "forbidden")
    assert problem(await api.get(f"/users/{admin['user']['id']}", customer), 403) == (None, "forbidden")
    assert (await api.get("/users")).status_code == 401
    answer = await api.get("/users?search=ZAWADI_&ordering=email", admin)
    assert [user["email"] for user in data(answer)] == ["zawadi_k@shop.test"]
    answer = await api.get("/users?role=customer&page_size=2&is_active=true&ordering=-email", admin)
    assert [user["email"] for user in data(answer)] == ["zawadixk@shop.test", "zawadi_k@shop.test"]
    assert (answer.json()["meta"]["total"], answer.json()["meta"]["next"] is not None) == (3, True)
    assert (await api.get("/users?ordering=password_hash", admin)).status_code == 422
    assert (await api.get("/users?search=%00", admin)).status_code == 422
    assert data(await api.get(f"/users/{customer['user']['id']}", admin))["email"] == customer["user"]["email"]
    assert (await api.get("/users/01890000-0000-7000-8000-000000000000", admin)).status_code == 404


async def test_only_admins_change_roles_and_a_demotion_ends_the_sessions(api: AuthApi) -> None:
    admin, clerk = await api.admin(), await api.signed_in()
    path, email = f"/users/{clerk['user']['id']}", clerk["user"]["email"]
    assert (await api.patch(path, {"role": "admin"}, clerk)).status_code == 403
    assert problem(await api.patch(path, {"role": "root"}, admin), 422)[0] == "role"
    assert data(await api.patch(path, {"role": "staff"}, admin))["roles"] == ["staff"]
    assert claims(data(await api.refresh(clerk["refresh_token"])))["roles"] == ["staff"]
    clerk = await api.signed_in(email)
    assert (await api.get("/users", clerk)).status_code == 200
    assert (await api.patch(path, {"role": "admin"}, clerk)).status_code == 403
    data(await api.patch(path, {"role": "customer"}, admin))
    assert problem(await api.get("/users", clerk), 401) == (None, "session_revoked")
    assert {event.reason for event in await api.published(SessionRevoked, clerk["user"]["id"])} == {"role_changed"}
    assert await api.audited(clerk["user"]["id"], "change_role") == ["staff", "customer"]


async def test_deactivation_signs_out_at_once_and_activation_allows_sign_in_again(api: AuthApi) -> None:
    admin, customer = await api.admin(), await api.signed_in()
    path, user_id = f"/users/{customer['user']['id']}", customer["user"]["id"]
    for _ in range(2):
        assert data(await api.act(f"{path}/deactivate", admin))["is_active"] is False
    assert (await api.get("/auth/me", customer)).status_code == 401
    assert (await api.refresh(customer["refresh_token"])).status_code == 401
    assert problem(await api.login(customer["user"]["email"]), 403) == (None, "account_deactivated")
    assert (await api.login(customer["user"]["email"], "a wrong guess")).status_code == 401
    assert len(await api.published(UserDeactivated, user_id)) == len(await api.published(SessionRevoked, user_id)) == 1
    data(await api.act(f"{path}/activate", admin))
    assert (await api.login(customer["user"]["email"])).status_code == 200


async def test_sign_ins_concurrent_with_a_deactivation_leave_no_live_session(api: AuthApi) -> None:
    admin, customer = await api.admin(), await api.signed_in()
    email, path = customer["user"]["email"], f"/users/{customer['user']['id']}/deactivate"
    racing = [api.login(email) for _ in range(6)] + [api.act(path, admin)] + [api.login(email) for _ in range(6)]
    assert {answer.status_code for answer in await asyncio.gather(*racing)} <= {200, 403}
    live = "SELECT FROM session WHERE ended_at IS NULL AND account_id = $1::text::uuid"
    assert await api.rows(live, customer["user"]["id"]) == []


async def test_two_admins_cannot_remove_each_other_concurrently(api: AuthApi) -> None:
    first, second = await api.admin(), await api.signed_in()
    ids = [first["user"]["id"], second["user"]["id"]]
    data(await api.patch(f"/users/{ids[1]}", {"role": "admin"}, first))
    second = await api.signed_in(second["user"]["email"])
    answers = await asyncio.gather(
        api.act(f"/users/{ids[1]}/deactivate", first), api.patch(f"/users/{ids[0]}", {"role": "staff"}, second)
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert [problem(a, 409) for a in answers if a.status_code == 409] == [(None, "last_admin")]
