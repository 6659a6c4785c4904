"""Who may see, cancel, ship and deliver which order, and when."""

import pytest
from services.orders.tests.harness import Harness, data, problem

from common.contracts.orders import OrderCancelled, OrderDelivered, OrderShipped
from common.ids import new_id
from common.testing import facts


@pytest.mark.parametrize("path", ["", "/timeline"])
async def test_another_customers_order_is_not_found(harness: Harness, path: str) -> None:
    order = await harness.customer().order(await harness.product())
    response = await harness.customer().call("GET", f"/orders/{order['id']}{path}")
    assert problem(response)[:2] == (404, "orders.unknown_order")
    assert problem(await harness.staff().call("GET", f"/orders/{new_id()}{path}"))[:2] == (404, "orders.unknown_order")
    assert (await harness.staff().call("GET", f"/orders/{order['id']}{path}")).status_code == 200


async def test_only_the_customer_and_staff_can_cancel_an_order(harness: Harness) -> None:
    customer = harness.customer()
    order, other = await customer.order(await harness.product()), await customer.order(await harness.product())
    assert (await harness.customer().call("POST", f"/orders/{order['id']}/cancel")).status_code == 404
    mine = data(await customer.call("POST", f"/orders/{order['id']}/cancel", {"reason": "Changed my mind"}))
    theirs = data(await harness.staff().call("POST", f"/orders/{other['id']}/cancel"))
    assert [mine["status_reason"], theirs["status_reason"]] == ["cancelled_by_customer", "cancelled_by_staff"]
    last = (await harness.timeline(order))[-1]
    assert (last["actor"], last["detail"]) == (f"customer:{customer.id}", "Changed my mind")
    assert len(await facts(harness.database, OrderCancelled)) == 2


async def test_only_staff_can_cancel_a_paid_order(harness: Harness) -> None:
    customer = harness.customer()
    order = await harness.confirmed(customer)
    rejection = await customer.call("POST", f"/orders/{order['id']}/cancel")
    assert problem(rejection)[:2] == (409, "orders.illegal_transition")
    assert await harness.status(order) == ("confirmed", None)
    assert (await harness.staff().call("POST", f"/orders/{order['id']}/cancel")).status_code == 200
    assert await harness.status(order) == ("cancelled", "cancelled_by_staff")


async def test_staff_ship_an_order_before_they_deliver_it(harness: Harness) -> None:
    customer, staff = harness.customer(), harness.staff()
    order = await harness.confirmed(customer)
    path = f"/orders/{order['id']}"
    assert (await customer.call("POST", f"{path}/ship")).status_code == 403
    assert (await staff.call("POST", f"{path}/deliver")).status_code == 409
    parcel = {"carrier": "Posta", "tracking_number": "TZ1"}
    assert data(await staff.call("POST", f"{path}/ship", parcel))["status"] == "shipped"
    for late in ("ship", "cancel"):
        assert problem(await staff.call("POST", f"{path}/{late}"))[:2] == (409, "orders.illegal_transition")
    assert data(await staff.call("POST", f"{path}/deliver"))["status"] == "delivered"
    [shipped] = await facts(harness.database, OrderShipped)
    assert (shipped.carrier, shipped.tracking_number) == ("Posta", "TZ1")
    assert len(await facts(harness.database, OrderDelivered)) == 1


async def test_a_rejected_command_adds_nothing_to_the_timeline(harness: Harness) -> None:
    order = await harness.customer().order(await harness.product())
    await harness.staff().call("POST", f"/orders/{order['id']}/ship")
    assert len(await harness.timeline(order)) == 1


async def test_customers_list_their_own_orders_and_staff_list_all(harness: Harness) -> None:
    customer, other_customer, kanga = harness.customer(), harness.customer(), await harness.product()
    mine = [(await customer.order(kanga))["id"] for _ in range(3)]
    others = (await other_customer.order(kanga))["id"]
    assert [order["id"] for order in await customer.get("/orders")] == mine[::-1]
    assert [order["id"] for order in await customer.get(f"/orders?user_id={other_customer.id}")] == mine[::-1]
    assert [order["id"] for order in await harness.staff().get("/orders")] == [others, *mine[::-1]]
    assert [order["id"] for order in await harness.staff().get(f"/orders?user_id={other_customer.id}")] == [others]


async def test_the_list_is_filtered_by_status_and_time_and_paged(harness: Harness) -> None:
    customer, kanga = harness.customer(), await harness.product()
    orders = [await customer.order(kanga) for _ in range(3)]
    await customer.call("POST", f"/orders/{orders[0]['id']}/cancel")
    assert [order["id"] for order in await customer.get("/orders?status=cancelled")] == [orders[0]["id"]]
    middle = orders[1]["created_at"]
    assert [o["id"] for o in await customer.get(f"/orders?from={middle}")] == [orders[2]["id"], orders[1]["id"]]
    assert [o["id"] for o in await customer.get(f"/orders?to={middle}")] == [orders[0]["id"]]
    response = (await customer.call("GET", "/orders?page=2&page_size=2")).json()
    assert [order["id"] for order in response["data"]] == [orders[0]["id"]]
    assert (response["meta"]["total"], response["meta"]["next"]) == (3, None)
    assert (await customer.call("GET", "/orders?status=lost")).status_code == 422
