"""No user can reach another user's resources by any route that takes an id.

The routes come from the published document, so that a new one which is not listed here fails.
"""

import re
from typing import Any
from uuid import uuid4

import httpx
import pytest

from .objects import BODIES, MAKERS, OWNED, PUBLIC, Operation, World, operations_on_things, world_of
from .platform import API, Customer, Platform


@pytest.fixture(scope="module")
async def world(platform: Platform) -> World:
    return await world_of(platform)


@pytest.fixture(scope="module")
async def operations(platform: Platform) -> list[Operation]:
    return operations_on_things((await platform.http.get("/openapi.json")).json())


@pytest.fixture
async def other_customer(platform: Platform) -> Customer:
    return await platform.customer()


async def call(platform: Platform, operation: Operation, world: World, token: str | None = None) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return await platform.http.request(
        operation.method, world.url(operation), json=BODIES.get(str(operation)), headers=headers
    )


def test_every_operation_on_a_resource_is_listed_here(operations: list[Operation]) -> None:
    named = {str(operation) for operation in operations}
    for_staff = {str(operation) for operation in operations if operation.role in {"staff", "admin"}}
    assert named - for_staff == OWNED | PUBLIC
    parameters = {name for operation in operations for name in re.findall(r"\{(\w+)\}", operation.path)}
    assert parameters - {"key", "variant"} <= MAKERS.keys()


async def test_another_customer_finds_nothing(
    platform: Platform, world: World, operations: list[Operation], other_customer: Customer
) -> None:
    owned = [operation for operation in operations if str(operation) in OWNED]
    answers = {str(operation): await call(platform, operation, world, other_customer.token) for operation in owned}
    assert {operation: answer.status_code for operation, answer in answers.items()} == dict.fromkeys(OWNED, 404)
    for operation, answer in answers.items():
        assert world.owner.id not in answer.text, operation


async def test_another_customers_resource_looks_like_a_missing_one(
    platform: Platform, world: World, operations: list[Operation], other_customer: Customer
) -> None:
    nothing = World(world.owner, {name: str(uuid4()) for name in world.ids})
    for operation in operations:
        if str(operation) in OWNED:
            answers = [await call(platform, operation, which, other_customer.token) for which in (world, nothing)]
            taken, absent = ({**answer.json(), "request_id": None} for answer in answers)
            assert taken == absent, operation


async def test_the_owners_resources_are_unchanged(platform: Platform, world: World) -> None:
    address = await world.owner.data(f"/addresses/{world.ids['address_id']}")
    assert address["line1"] == "Uhuru Street 1"
    assert [item["quantity"] for item in (await world.owner.data("/cart"))["items"]] == [1]
    assert (await world.owner.data(f"/orders/{world.ids['order_id']}"))["status"] == "confirmed"
    assert (await world.owner.data(f"/payments/{world.ids['payment_id']}"))["status"] == "action_required"
    notifications = await world.owner.data("/notifications")
    assert {n["id"]: n["is_read"] for n in notifications}[world.ids["notification_id"]] is False


async def test_the_role_is_checked_before_the_resource_is_looked_up(
    platform: Platform, world: World, operations: list[Operation], other_customer: Customer
) -> None:
    for operation in operations:
        if operation.role in {"staff", "admin"}:
            for caller in (other_customer, world.owner):
                answer = await call(platform, operation, world, caller.token)
                assert answer.status_code == 403, (operation, answer.text)


async def test_an_anonymous_caller_may_use_public_operations_only(
    platform: Platform, world: World, operations: list[Operation]
) -> None:
    for operation in operations:
        expected = {200, 404} if str(operation) in PUBLIC else {401}
        answer = await call(platform, operation, world)
        assert answer.status_code in expected, (operation, answer.text)


LISTS = ["/orders", "/payments", "/messages", "/notifications", "/addresses", "/media"]


@pytest.mark.parametrize("path", LISTS)
async def test_lists_hold_the_callers_resources_only(
    platform: Platform, world: World, other_customer: Customer, path: str
) -> None:
    theirs = {thing["id"] for thing in await world.owner.data(path)}
    assert theirs
    for query in ({}, {"user_id": world.owner.id}, {"customer_id": world.owner.id}, {"owner": world.owner.id}):
        answer = await other_customer.get(path, **query)
        if answer.status_code == 422 and query:
            assert answer.json()["errors"][0]["code"] == "unknown_parameter"
        else:
            assert theirs.isdisjoint(thing["id"] for thing in answer.json()["data"])


async def test_staff_may_not_do_what_only_an_administrator_may(
    platform: Platform, world: World, operations: list[Operation]
) -> None:
    clerk = await platform.member("staff")
    for operation in operations:
        if operation.role == "admin":
            assert (await call(platform, operation, world, clerk.token)).status_code == 403, operation


async def test_filters_by_anothers_id_find_nothing(world: World, other_customer: Customer) -> None:
    assert await other_customer.data("/payments", order_id=world.ids["order_id"]) == []


async def test_ids_in_bodies_reach_the_callers_resources_only(
    world: World, other_customer: Customer, platform: Platform
) -> None:
    product = await platform.product(stock=5)
    order: dict[str, Any] = {"items": [{"product_id": product, "quantity": 1}], "payment": {"provider": "sandbox"}}
    refused = await other_customer.post("/orders", order | {"address_id": world.ids["address_id"]})
    assert refused.status_code in {404, 422}, refused.text
    assert "Uhuru" not in refused.text
    marked = await other_customer.post("/notifications/read", {"ids": [world.ids["notification_id"]]})
    assert marked.json()["data"]["updated"] == 0


async def test_another_customers_idempotency_key_does_not_replay_the_first_response(
    platform: Platform, other_customer: Customer
) -> None:
    product, owner, key = await platform.product(stock=5), await platform.customer(), str(uuid4())
    theirs = await owner.order(product, key=key)
    mine = await other_customer.order(product, key=key)
    assert mine["id"] != theirs["id"]
    assert mine["user_id"] == other_customer.id


async def test_profile_fields_cannot_raise_the_role(platform: Platform, other_customer: Customer) -> None:
    raised = {"role": "admin", "roles": ["admin"], "is_active": True, "email_confirmed": True, "id": str(uuid4())}
    headers = {"Authorization": f"Bearer {other_customer.token}"}
    changed = await platform.http.patch(f"{API}/auth/me", json={"first_name": "Ali"} | raised, headers=headers)
    me = await other_customer.data("/auth/me")
    assert changed.status_code in {200, 422}
    assert (me["id"], me["role"], me["email_confirmed"]) == (other_customer.id, "customer", False)
    registered = await platform.http.post(
        f"{API}/auth/register",
        json={"email": f"{uuid4().hex}@example.com", "password": "a-long-way-to-mwanza", "role": "admin"},
    )
    assert registered.status_code == 422 or registered.json()["data"]["role"] == "customer"
