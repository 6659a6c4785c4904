"""People see what orders keeps about them; of erased ones the books keep numbers only."""

from typing import Any
from uuid import UUID

from services.orders.tests.shop import Person, Shop, data, refunded, reserved, succeeded

from common.contracts.auth import UserErased
from common.contracts.orders import OrdersDataGathered
from common.testing import deliver, exported_data

HOME = {"name": "Asha Juma", "line1": "Uhuru 1", "city": "Dodoma", "country": "TZ", "phone": "+255712345678"}
PERSONAL = ("Asha Juma", "Uhuru 1", "+255712345678", "ring twice")


async def customer_with_everything(shop: Shop) -> tuple[Person, Any]:
    """With an address, a confirmed order to it, a refund and something in the cart."""
    person = shop.customer()
    data(await person.call("POST", "/addresses", HOME), 201)
    order = await person.order(await shop.product(), note="ring twice")
    from_catalog = await shop.product()
    data(await person.call("POST", "/cart/items", {"product_id": str(from_catalog), "quantity": 2}), 201)
    key = {"Idempotency-Key": "mine"}
    body = {"items": [{"product_id": str(from_catalog), "quantity": 1}]}
    data(await person.call("POST", "/orders", body, key), 202)
    return person, order


async def settled(shop: Shop, order: Any) -> None:
    await deliver(shop.service, reserved(order))
    await deliver(shop.service, succeeded(order))
    await deliver(shop.service, refunded(order, 1000))


async def everything(shop: Shop) -> str:
    """All rows that hold something of people, as text."""
    tables = ("orders", "order_step", "address", "cart_item", "idempotency")
    async with shop.database.begin() as tx:
        rows = [row["text"] for table in tables for row in await tx.sql.fetch(f"SELECT t::text AS text FROM {table} t")]
        rows += [bytes(row["body"]).decode() for row in await tx.sql.fetch("SELECT body FROM idempotency")]
    return "\n".join(rows)


async def test_an_export_holds_orders_addresses_and_cart_of_that_person_alone(shop: Shop) -> None:
    person, order = await customer_with_everything(shop)
    await customer_with_everything(shop)
    kept = await exported_data(shop.service, person.id, OrdersDataGathered)
    assert [found["id"] for found in kept["orders"]][-1] == order["id"]
    oldest = kept["orders"][-1]
    assert (oldest["address"]["line1"], oldest["note"], oldest["total"]) == ("Uhuru 1", "ring twice", 250_000)
    assert [step["status"] for step in oldest["timeline"]] == ["pending"]
    assert [len(kept[kind]) for kind in ("orders", "addresses", "cart")] == [2, 1, 1]
    assert kept["cut"] == []


async def test_of_an_erased_person_the_books_keep_what_was_bought_and_nothing_about_them(shop: Shop) -> None:
    person, order = await customer_with_everything(shop)
    other, _ = await customer_with_everything(shop)
    await settled(shop, order)
    before = await exported_data(shop.service, other.id, OrdersDataGathered)
    await deliver(shop.service, UserErased(user_id=person.id))
    kept = await exported_data(shop.service, person.id, OrdersDataGathered)
    assert (kept["addresses"], kept["cart"]) == ([], [])
    assert {(found["address"], found["note"]) for found in kept["orders"]} == {(None, None)}
    oldest = kept["orders"][-1]
    assert (oldest["id"], oldest["total"], oldest["lines"][0]["title"]) == (order["id"], 250_000, "Kanga")
    assert oldest["status"] == "partially_refunded"
    assert "goodwill" not in str(oldest["timeline"])
    assert await exported_data(shop.service, other.id, OrdersDataGathered) == before
    await deliver(shop.service, UserErased(user_id=other.id))
    left = await everything(shop)
    assert [text for text in PERSONAL if text in left] == []
    assert await shop.status(order) == ("partially_refunded", None)


async def test_an_order_of_an_erased_person_goes_its_way(shop: Shop) -> None:
    person, order = await customer_with_everything(shop)
    await deliver(shop.service, UserErased(user_id=person.id))
    await settled(shop, order)
    assert (await shop.status(order))[0] == "partially_refunded"
    assert UUID(order["user_id"]) == person.id
