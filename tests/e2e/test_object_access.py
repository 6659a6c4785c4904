"""Nobody gets at another's things, by any route that takes an id. The routes come from the published document, so
that a new one which is not listed here fails.
"""

import re
from typing import Any
from uuid import uuid4

import httpx
import pytest

from .objects import BODIES, MAKERS, OWNED, PUBLIC, Operation, World, operations_on_things, world_of
from .platform import API, Customer, Platform


@pytest.fixture(scope="module")
async def world(shop: Platform) -> World:
    return await world_of(shop)


@pytest.fixture(scope="module")
async def operations(shop: Platform) -> list[Operation]:
    return operations_on_things((await shop.http.get("/openapi.json")).json())


@pytest.fixture
async def stranger(shop: Platform) -> Customer:
    return await shop.customer()


async def call(shop: Platform, operation: Operation, world: World, token: str | None = None) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return await shop.http.request(
        operation.method, world.url(operation), json=BODIES.get(str(operation)), headers=headers
    )


def test_every_operation_on_a_thing_is_known_here(operations: list[Operation]) -> None:
    named = {str(operation) for operation in operations}
    for_staff = {str(operation) for operation in operations if operation.role in {"staff", "admin"}}
    assert named - for_staff == OWNED | PUBLIC
    parameters = {name for operation in operations for name in re.findall(r"\{(\w+)\}", operation.path)}
    assert parameters - {"key", "variant"} <= MAKERS.keys()


async def test_another_customer_finds_nothing(
    shop: Platform, world: World, operations: list[Operation], stranger: Customer
) -> None:
    owned = [operation for operation in operations if str(operation) in OWNED]
    answers = {str(operation): await call(shop, operation, world, stranger.token) for operation in owned}
    assert {operation: answer.status_code for operation, answer in answers.items()} == dict.fromkeys(OWNED, 404)
    for operation, answer in answers.items():
        assert world.owner.id not in answer.text, operation


async def test_another_customers_thing_is_answered_as_one_that_does_not_exist(
    shop: Platform, world: World, operations: list[Operation], stranger: Customer
) -> None:
    nothing = World(world.owner, {name: str(uuid4()) for name in world.ids})
    for operation in operations:
        if str(operation) in OWNED:
            answers = [await call(shop, operation, which, stranger.token) for which in (world, nothing)]
            taken, absent = ({**answer.json(), "request_id": None} for answer in answers)
            assert taken == absent, operation


async def test_the_owner_still_has_everything_as_it_was(shop: Platform, world: World) -> None:
    address = await world.owner.data(f"/addresses/{world.ids['address_id']}")
    assert address["line1"] == "Uhuru Street 1"
    assert [item["quantity"] for item in (await world.owner.data("/cart"))["items"]] == [1]
    assert (await world.owner.data(f"/orders/{world.ids['order_id']}"))["status"] == "confirmed"
    assert (await world.owner.data(f"/payments/{world.ids['payment_id']}"))["status"] == "action_required"
    notifications = await world.owner.data("/notifications")
    assert {n["id"]: n["is_read"] for n in notifications}[world.ids["notification_id"]] is False


async def test_a_customer_is_refused_what_is_for_staff_before_anything_is_looked_for(
    shop: Platform, world: World, operations: list[Operation], stranger: Customer
) -> None:
    for operation in operations:
        if operation.role in {"staff", "admin"}:
            for caller in (stranger, world.owner):
                answer = await call(shop, operation, world, caller.token)
                assert answer.status_code == 403, (operation, answer.text)


async def test_nobody_in_particular_is_refused_everything_but_the_shop_window(
    shop: Platform, world: World, operations: list[Operation]
) -> None:
    for operation in operations:
        expected = {200, 404} if str(operation) in PUBLIC else {401}
        answer = await call(shop, operation, world)
        assert answer.status_code in expected, (operation, answer.text)


LISTS = ["/orders", "/payments", "/messages", "/notifications", "/addresses", "/media"]


@pytest.mark.parametrize("path", LISTS)
async def test_lists_hold_the_callers_things_only(shop: Platform, world: World, stranger: Customer, path: str) -> None:
    theirs = {thing["id"] for thing in await world.owner.data(path)}
    assert theirs
    for query in ({}, {"user_id": world.owner.id}, {"customer_id": world.owner.id}, {"owner": world.owner.id}):
        assert theirs.isdisjoint(thing["id"] for thing in await stranger.data(path, **query))


async def test_staff_may_not_do_what_only_an_administrator_may(
    shop: Platform, world: World, operations: list[Operation]
) -> None:
    clerk = await shop.staff()
    for operation in operations:
        if operation.role == "admin":
            assert (await call(shop, operation, world, clerk.token)).status_code == 403, operation


async def test_filters_by_anothers_id_find_nothing(world: World, stranger: Customer) -> None:
    assert await stranger.data("/payments", order_id=world.ids["order_id"]) == []


async def test_ids_in_bodies_reach_only_what_is_the_callers(world: World, stranger: Customer, shop: Platform) -> None:
    product = await shop.product(stock=5)
    order: dict[str, Any] = {"items": [{"product_id": product, "quantity": 1}], "payment": {"provider": "sandbox"}}
    refused = await stranger.post("/orders", order | {"address_id": world.ids["address_id"]})
    assert refused.status_code in {404, 422}, refused.text
    assert "Uhuru" not in refused.text
    marked = await stranger.post("/notifications/read", {"ids": [world.ids["notification_id"]]})
    assert marked.json()["data"]["updated"] == 0
    assert (await stranger.post("/auth/logout", {"refresh_token": "not-a-token-of-anybody"})).status_code == 200
    assert (await world.owner.get("/auth/me")).status_code == 200


async def test_another_customers_key_does_not_show_the_first_answer(shop: Platform, stranger: Customer) -> None:
    product, owner, key = await shop.product(stock=5), await shop.customer(), str(uuid4())
    theirs = await owner.order(product, key=key)
    mine = await stranger.order(product, key=key)
    assert mine["id"] != theirs["id"]
    assert mine["user_id"] == stranger.id


async def test_profile_fields_that_would_raise_somebody_are_not_taken(shop: Platform, stranger: Customer) -> None:
    raised = {"role": "admin", "roles": ["admin"], "is_active": True, "email_confirmed": True, "id": str(uuid4())}
    headers = {"Authorization": f"Bearer {stranger.token}"}
    changed = await shop.http.patch(f"{API}/auth/me", json={"first_name": "Ali"} | raised, headers=headers)
    me = await stranger.data("/auth/me")
    assert changed.status_code in {200, 422}
    assert (me["id"], me["role"], me["email_confirmed"]) == (stranger.id, "customer", False)
    registered = await shop.http.post(
        f"{API}/auth/register",
        json={"email": f"{uuid4().hex}@example.com", "password": "a-long-way-to-mwanza", "role": "admin"},
    )
    assert registered.status_code == 422 or registered.json()["data"]["role"] == "customer"
