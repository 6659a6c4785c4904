"""The export and the erasure of personal data."""

from typing import Any
from uuid import UUID

from services.orders.tests.harness import Harness, User, data, refunded, reserved, succeeded

from common.contracts.auth import UserErased
from common.contracts.orders import OrdersDataGathered
from common.testing import deliver, exported_data

HOME = {"name": "Asha Juma", "line1": "Uhuru 1", "city": "Dodoma", "country": "TZ", "phone": "+255712345678"}
PERSONAL = ("Asha Juma", "Uhuru 1", "+255712345678", "ring twice")


async def customer_with_everything(harness: Harness) -> tuple[User, Any]:
    """With an address, a confirmed order to it, a refund and something in the cart."""
    person = harness.customer()
    data(await person.call("POST", "/addresses", HOME), 201)
    order = await person.order(await harness.product(), note="ring twice")
    from_catalog = await harness.product()
    data(await person.call("POST", "/cart/items", {"product_id": str(from_catalog), "quantity": 2}), 201)
    key = {"Idempotency-Key": "mine"}
    body = {"items": [{"product_id": str(from_catalog), "quantity": 1}]}
    data(await person.call("POST", "/orders", body, key), 202)
    return person, order


async def settled(harness: Harness, order: Any) -> None:
    await deliver(harness.service, reserved(order))
    await deliver(harness.service, succeeded(order))
    await deliver(harness.service, refunded(order, 1000))


async def all_rows(harness: Harness) -> str:
    """All rows with personal data, as text."""
    tables = ("orders", "order_step", "address", "cart_item", "idempotency")
    async with harness.database.begin() as tx:
        rows = [row["text"] for table in tables for row in await tx.sql.fetch(f"SELECT t::text AS text FROM {table} t")]
        rows += [bytes(row["body"]).decode() for row in await tx.sql.fetch("SELECT body FROM idempotency")]
    return "\n".join(rows)


async def test_an_export_has_orders_addresses_and_cart_of_one_person_only(harness: Harness) -> None:
    person, order = await customer_with_everything(harness)
    await customer_with_everything(harness)
    exported = await exported_data(harness.service, person.id, OrdersDataGathered)
    assert [found["id"] for found in exported["orders"]][-1] == order["id"]
    oldest = exported["orders"][-1]
    assert (oldest["address"]["line1"], oldest["note"], oldest["total"]) == ("Uhuru 1", "ring twice", 250_000)
    assert [step["status"] for step in oldest["timeline"]] == ["pending"]
    assert [len(exported[kind]) for kind in ("orders", "addresses", "cart")] == [2, 1, 1]
    assert exported["cut"] == []


async def test_the_orders_of_an_erased_person_stay_without_personal_data(harness: Harness) -> None:
    person, order = await customer_with_everything(harness)
    other, _ = await customer_with_everything(harness)
    await settled(harness, order)
    before = await exported_data(harness.service, other.id, OrdersDataGathered)
    await deliver(harness.service, UserErased(user_id=person.id))
    exported = await exported_data(harness.service, person.id, OrdersDataGathered)
    assert (exported["addresses"], exported["cart"]) == ([], [])
    assert {(found["address"], found["note"]) for found in exported["orders"]} == {(None, None)}
    oldest = exported["orders"][-1]
    assert (oldest["id"], oldest["total"], oldest["lines"][0]["title"]) == (order["id"], 250_000, "Kanga")
    assert oldest["status"] == "partially_refunded"
    assert "goodwill" not in str(oldest["timeline"])
    assert await exported_data(harness.service, other.id, OrdersDataGathered) == before
    await deliver(harness.service, UserErased(user_id=other.id))
    left = await all_rows(harness)
    assert [text for text in PERSONAL if text in left] == []
    assert await harness.status(order) == ("partially_refunded", None)


async def test_an_order_of_an_erased_person_continues(harness: Harness) -> None:
    person, order = await customer_with_everything(harness)
    await deliver(harness.service, UserErased(user_id=person.id))
    await settled(harness, order)
    assert (await harness.status(order))[0] == "partially_refunded"
    assert UUID(order["user_id"]) == person.id
