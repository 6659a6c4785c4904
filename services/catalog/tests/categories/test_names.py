"""Names of categories are unique below their parent, however they are spelt."""

from typing import Any

import asyncpg
import httpx
import pytest
from services.catalog.tests.conftest import data, problem

from common.web.service import Service

URL = "/api/v1/categories"


@pytest.mark.parametrize("second", ["Cafés", "Cafe\u0301s", "CAFÉS", "  cafés ", "Ｃafés"])
async def test_a_second_category_of_the_same_name_is_rejected(
    client: httpx.AsyncClient, staff: dict[str, str], second: str
) -> None:
    await client.post(URL, json={"name": "Cafés"}, headers=staff)
    answer = await client.post(URL, json={"name": second}, headers=staff)
    problem(answer, 409, "category_name_taken", "name")


async def test_the_same_name_below_another_parent_and_another_name_are_accepted(
    client: httpx.AsyncClient, staff: dict[str, str]
) -> None:
    async def make(name: str, parent: str | None = None) -> dict[str, Any]:
        made = await client.post(URL, json={"name": name, "parent_id": parent}, headers=staff)
        return dict(data(made, 201))

    women = await make("Women")
    await make("Shoes")
    shoes = await make("Shoes", women["id"])
    await make("Shoe", women["id"])
    renamed = await client.patch(f"{URL}/{shoes['id']}", json={"name": "women"}, headers=staff)
    assert renamed.status_code == 200
    moved = await client.patch(f"{URL}/{shoes['id']}", json={"parent_id": None}, headers=staff)
    problem(moved, 409, "category_name_taken", "name")


async def test_a_name_is_stored_in_its_one_form(client: httpx.AsyncClient, staff: dict[str, str]) -> None:
    made = data(await client.post(URL, json={"name": "Cafe\u0301"}, headers=staff), 201)
    assert made["name"] == "Café"


async def test_names_that_were_there_twice_before_stay_and_can_be_changed(
    client: httpx.AsyncClient, staff: dict[str, str], catalog: Service
) -> None:
    """As the migration leaves them: the second has no key."""
    await client.post(URL, json={"name": "Mugs"}, headers=staff)
    second = data(await client.post(URL, json={"name": "Mugs 2"}, headers=staff), 201)
    async with catalog.database.begin() as tx:
        await tx.sql.execute("ALTER TABLE category DISABLE TRIGGER category_name_key")
        await tx.sql.execute("UPDATE category SET name = 'Mugs', name_key = NULL WHERE slug = $1", second["slug"])
        await tx.sql.execute("ALTER TABLE category ENABLE TRIGGER category_name_key")
    featured = await client.patch(f"{URL}/{second['id']}", json={"is_featured": True}, headers=staff)
    assert data(featured)["name"] == "Mugs"
    taken = await client.patch(f"{URL}/{second['id']}", json={"name": "MUGS"}, headers=staff)
    problem(taken, 409, "category_name_taken", "name")
    assert data(await client.patch(f"{URL}/{second['id']}", json={"name": "Cups"}, headers=staff))["name"] == "Cups"


async def test_no_way_around_the_key(catalog: Service, client: httpx.AsyncClient, staff: dict[str, str]) -> None:
    await client.post(URL, json={"name": "Bags"}, headers=staff)
    with pytest.raises(asyncpg.UniqueViolationError):
        async with catalog.database.begin() as tx:
            await tx.sql.execute(
                """INSERT INTO category (id, name, slug, lineage)
                   SELECT id, 'bags', 'bags-2', ARRAY[id] FROM (SELECT gen_random_uuid() AS id) AS fresh"""
            )


async def test_categories_are_ordered_and_searched_without_accents(
    client: httpx.AsyncClient, staff: dict[str, str]
) -> None:
    for name in ("Épices", "Boissons", "Thé à la menthe"):
        await client.post(URL, json={"name": name}, headers=staff)
    names = [each["name"] for each in data(await client.get(f"{URL}?ordering=-created_at"))]
    assert names == ["Thé à la menthe", "Boissons", "Épices"]
    for asked, found in (("EPICE", ["Épices"]), ("the a", ["Thé à la menthe"]), ("o%s", [])):
        listed = await client.get(URL, params={"search": asked})
        assert [each["name"] for each in data(listed)] == found
