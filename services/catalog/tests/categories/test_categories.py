import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import httpx
import pytest
from services.catalog.tests.conftest import MakeProduct, data, problem

from catalog.categories.api import CategoryView
from common.contracts.catalog import CategoryChanged, CategoryCreated, CategoryDeleted
from common.ids import new_id
from common.testing import facts
from common.web.service import Service

URL = "/api/v1/categories"
Make = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture
def make(client: httpx.AsyncClient, staff: dict[str, str]) -> Make:
    async def make(name: str, parent: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
        body = {"name": name, "parent_id": parent and parent["id"]} | fields
        made: dict[str, Any] = data(await client.post(URL, json=body, headers=staff), 201)
        return made

    return make


async def test_a_category_has_the_path_from_the_root(client: httpx.AsyncClient, make: Make) -> None:
    home = await make("Home & Garden", is_featured=True, banner_url="https://example.com/home.webp")
    pots = await make("Pots", await make("Kitchen", home))
    assert home["slug"] == "home-garden"
    assert home["banner_url"] == "https://example.com/home.webp"
    assert pots["path"] == ["home-garden", "kitchen", "pots"]
    for key in (pots["id"], pots["slug"]):
        assert data(await client.get(f"{URL}/{key}")) == pots
    assert set(pots) == set(CategoryView.model_fields)


async def test_the_tree_is_nested_and_leaves_out_inactive_branches(client: httpx.AsyncClient, make: Make) -> None:
    home = await make("Home")
    await make("Pots", await make("Kitchen", home))
    await make("Below", await make("Hidden", home, is_active=False))
    [root] = data(await client.get(f"{URL}/tree"))
    [kitchen] = root["children"]
    assert (root["name"], kitchen["name"], [c["name"] for c in kitchen["children"]]) == ("Home", "Kitchen", ["Pots"])


async def test_lists_filter_and_children_are_one_level(
    client: httpx.AsyncClient, make: Make, staff: dict[str, str]
) -> None:
    home = await make("Home", is_featured=True)
    kitchen = await make("Kitchen", home)
    await make("Pots_1", kitchen)
    await make("Hidden", home, is_active=False)
    assert [c["name"] for c in data(await client.get(URL))] == ["Home", "Kitchen", "Pots_1"]
    assert [c["name"] for c in data(await client.get(f"{URL}?is_featured=true"))] == ["Home"]
    assert [c["name"] for c in data(await client.get(f"{URL}?search=s_1"))] == ["Pots_1"]
    assert data(await client.get(f"{URL}?search=e_1")) == []
    assert [c["name"] for c in data(await client.get(f"{URL}/{home['id']}/children"))] == ["Kitchen"]
    with_hidden = await client.get(f"{URL}/{home['id']}/children?include_inactive=true", headers=staff)
    assert [c["name"] for c in data(with_hidden)] == ["Hidden", "Kitchen"]
    assert (await client.get(f"{URL}/{new_id()}/children")).status_code == 404


async def test_moving_a_category_moves_its_branch(
    client: httpx.AsyncClient, make: Make, staff: dict[str, str], make_product: MakeProduct
) -> None:
    home, garden = await make("Home"), await make("Garden")
    kitchen = await make("Kitchen", home)
    pots = await make("Pots", kitchen)
    await make_product(title="Clay Pot", category_id=pots["id"])
    moved = await client.patch(f"{URL}/{kitchen['id']}", json={"parent_id": garden["id"]}, headers=staff)
    assert data(moved)["path"] == ["garden", "kitchen"]
    assert data(await client.get(f"{URL}/pots"))["path"] == ["garden", "kitchen", "pots"]
    for slug, count in (("garden", 1), ("home", 0)):
        assert len(data(await client.get(f"/api/v1/products?category={slug}"))) == count
    to_root = await client.patch(f"{URL}/{kitchen['id']}", json={"parent_id": None}, headers=staff)
    assert data(to_root)["path"] == ["kitchen"]


async def test_a_category_cannot_be_moved_below_itself(
    client: httpx.AsyncClient, make: Make, staff: dict[str, str]
) -> None:
    one = await make("One")
    two = await make("Two", one)
    for parent in (one, two):
        answer = await client.patch(f"{URL}/{one['id']}", json={"parent_id": parent["id"]}, headers=staff)
        problem(answer, 422, "category_cycle", "parent_id")


async def test_concurrent_opposite_moves_make_no_cycle_and_do_not_deadlock(
    client: httpx.AsyncClient, make: Make, staff: dict[str, str]
) -> None:
    for number in range(10):
        left, right = await make(f"Left {number}"), await make(f"Right {number}")
        answers = await asyncio.gather(
            client.patch(f"{URL}/{left['id']}", json={"parent_id": right["id"]}, headers=staff),
            client.patch(f"{URL}/{right['id']}", json={"parent_id": left["id"]}, headers=staff),
        )
        assert sorted(answer.status_code for answer in answers) == [200, 422]


async def test_the_tree_has_at_most_eight_levels(client: httpx.AsyncClient, make: Make, staff: dict[str, str]) -> None:
    deepest = await make("1")
    for level in range(2, 9):
        deepest = await make(str(level), deepest)
    body = {"name": "9", "parent_id": deepest["id"]}
    problem(await client.post(URL, json=body, headers=staff), 422, "tree_too_deep", "parent_id")
    branch = await make("Branch")
    answer = await client.patch(f"{URL}/{deepest['id']}", json={"parent_id": branch["id"]}, headers=staff)
    assert data(answer)["path"] == ["branch", "8"]


async def test_only_an_empty_category_can_be_deleted(
    client: httpx.AsyncClient, make: Make, staff: dict[str, str], make_product: MakeProduct
) -> None:
    home = await make("Home")
    pots = await make("Pots", home)
    product = await make_product(category_id=pots["id"])
    for category in (home, pots):
        answer = await client.delete(f"{URL}/{category['id']}", headers=staff)
        assert problem(answer, 409, "category_not_empty")
    assert (await client.delete(f"/api/v1/products/{product['id']}", headers=staff)).status_code == 204
    for category in (pots, home):
        assert (await client.delete(f"{URL}/{category['id']}", headers=staff)).status_code == 204
        assert (await client.get(f"{URL}/{category['id']}")).status_code == 404


async def test_a_replaced_category_keeps_its_slug_unless_one_is_given(
    client: httpx.AsyncClient, make: Make, staff: dict[str, str]
) -> None:
    home = await make("Home", is_featured=True)
    replaced = data(await client.put(f"{URL}/{home['id']}", json={"name": "House"}, headers=staff))
    assert (replaced["name"], replaced["slug"], replaced["is_featured"]) == ("House", "home", False)
    await make("Other", slug="taken")
    taken = await client.patch(f"{URL}/{home['id']}", json={"slug": "taken"}, headers=staff)
    problem(taken, 409, "slug_taken", "slug")
    unknown = await client.patch(f"{URL}/{home['id']}", json={"parent_id": str(new_id())}, headers=staff)
    problem(unknown, 422, "unknown_category", "parent_id")


async def test_creating_changing_and_deleting_a_category_publishes_events(
    client: httpx.AsyncClient, catalog: Service, staff: dict[str, str], category: dict[str, Any]
) -> None:
    url, category_id = f"{URL}/{category['id']}", UUID(category["id"])
    data(await client.patch(url, json={"name": "Footwear", "is_featured": True}, headers=staff))
    assert (await client.delete(url, headers=staff)).status_code == 204
    [created] = await facts(catalog.database, CategoryCreated)
    assert (created.category_id, created.name, created.slug) == (category_id, "Shoes", "shoes")
    [changed] = await facts(catalog.database, CategoryChanged)
    assert (changed.category_id, changed.name, changed.is_featured) == (category_id, "Footwear", True)
    assert [event.category_id for event in await facts(catalog.database, CategoryDeleted)] == [category_id]
