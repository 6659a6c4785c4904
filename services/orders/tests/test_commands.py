"""Who may see, cancel, ship and deliver which order, and when."""

import pytest
from services.orders.tests.shop import Shop, data, problem

from common.contracts.orders import OrderCancelled, OrderDelivered, OrderShipped
from common.ids import new_id
from common.testing import facts


@pytest.mark.parametrize("path", ["", "/timeline"])
async def test_another_customers_order_is_not_there(shop: Shop, path: str) -> None:
    order = await shop.customer().order(await shop.product())
    answer = await shop.customer().call("GET", f"/orders/{order['id']}{path}")
    assert problem(answer)[:2] == (404, "orders.unknown_order")
    assert problem(await shop.staff().call("GET", f"/orders/{new_id()}{path}"))[:2] == (404, "orders.unknown_order")
    assert (await shop.staff().call("GET", f"/orders/{order['id']}{path}")).status_code == 200


async def test_only_the_customer_and_staff_can_cancel(shop: Shop) -> None:
    customer = shop.customer()
    order, other = await customer.order(await shop.product()), await customer.order(await shop.product())
    assert (await shop.customer().call("POST", f"/orders/{order['id']}/cancel")).status_code == 404
    mine = data(await customer.call("POST", f"/orders/{order['id']}/cancel", {"reason": "Changed my mind"}))
    theirs = data(await shop.staff().call("POST", f"/orders/{other['id']}/cancel"))
    assert [mine["status_reason"], theirs["status_reason"]] == ["cancelled_by_customer", "cancelled_by_staff"]
    last = (await shop.timeline(order))[-1]
    assert (last["actor"], last["detail"]) == (f"customer:{customer.id}", "Changed my mind")
    assert len(await facts(shop.database, OrderCancelled)) == 2


async def test_a_paid_order_is_cancelled_by_staff_only(shop: Shop) -> None:
    customer = shop.customer()
    order = await shop.confirmed(customer)
    refusal = await customer.call("POST", f"/orders/{order['id']}/cancel")
    assert problem(refusal)[:2] == (409, "orders.illegal_transition")
    assert await shop.status(order) == ("confirmed", None)
    assert (await shop.staff().call("POST", f"/orders/{order['id']}/cancel")).status_code == 200
    assert await shop.status(order) == ("cancelled", "cancelled_by_staff")


async def test_goods_are_shipped_and_delivered_by_staff_in_this_order(shop: Shop) -> None:
    customer, staff = shop.customer(), shop.staff()
    order = await shop.confirmed(customer)
    path = f"/orders/{order['id']}"
    assert (await customer.call("POST", f"{path}/ship")).status_code == 403
    assert (await staff.call("POST", f"{path}/deliver")).status_code == 409
    parcel = {"carrier": "Posta", "tracking_number": "TZ1"}
    assert data(await staff.call("POST", f"{path}/ship", parcel))["status"] == "shipped"
    for late in ("ship", "cancel"):
        assert problem(await staff.call("POST", f"{path}/{late}"))[:2] == (409, "orders.illegal_transition")
    assert data(await staff.call("POST", f"{path}/deliver"))["status"] == "delivered"
    [shipped] = await facts(shop.database, OrderShipped)
    assert (shipped.carrier, shipped.tracking_number) == ("Posta", "TZ1")
    assert len(await facts(shop.database, OrderDelivered)) == 1


async def test_a_refused_command_leaves_no_trace(shop: Shop) -> None:
    order = await shop.customer().order(await shop.product())
    await shop.staff().call("POST", f"/orders/{order['id']}/ship")
    assert len(await shop.timeline(order)) == 1


async def test_customers_list_their_own_orders_and_staff_everybodys(shop: Shop) -> None:
    customer, stranger, kanga = shop.customer(), shop.customer(), await shop.product()
    mine = [(await customer.order(kanga))["id"] for _ in range(3)]
    others = (await stranger.order(kanga))["id"]
    assert [order["id"] for order in await customer.get("/orders")] == mine[::-1]
    assert [order["id"] for order in await customer.get(f"/orders?user_id={stranger.id}")] == mine[::-1]
    assert [order["id"] for order in await shop.staff().get("/orders")] == [others, *mine[::-1]]
    assert [order["id"] for order in await shop.staff().get(f"/orders?user_id={stranger.id}")] == [others]


async def test_the_list_is_narrowed_by_status_and_time_and_paged(shop: Shop) -> None:
    customer, kanga = shop.customer(), await shop.product()
    orders = [await customer.order(kanga) for _ in range(3)]
    await customer.call("POST", f"/orders/{orders[0]['id']}/cancel")
    assert [order["id"] for order in await customer.get("/orders?status=cancelled")] == [orders[0]["id"]]
    middle = orders[1]["created_at"]
    assert [o["id"] for o in await customer.get(f"/orders?from={middle}")] == [orders[2]["id"], orders[1]["id"]]
    assert [o["id"] for o in await customer.get(f"/orders?to={middle}")] == [orders[0]["id"]]
    answer = (await customer.call("GET", "/orders?page=2&page_size=2")).json()
    assert [order["id"] for order in answer["data"]] == [orders[0]["id"]]
    assert (answer["meta"]["total"], answer["meta"]["next"]) == (3, None)
    assert (await customer.call("GET", "/orders?status=lost")).status_code == 422
