"""In-app notifications over HTTP."""

from typing import Any

import httpx
import pytest
from services.notifications.tests.conftest import confirmed

from common.ids import new_id
from common.testing import TestIssuer, deliver
from common.testing.plugin import ClientFor
from common.web.service import Service

URL = "/api/v1/notifications"


@pytest.fixture
async def client(service: Service, client_for: ClientFor) -> httpx.AsyncClient:
    return await client_for(service)


async def listed(client: httpx.AsyncClient, headers: dict[str, str], **query: Any) -> list[dict[str, Any]]:
    answer = await client.get(URL, params=query, headers=headers)
    notifications: list[dict[str, Any]] = answer.json()["data"]
    return notifications


async def unread(client: httpx.AsyncClient, headers: dict[str, str]) -> int:
    answer = await client.get(f"{URL}/unread-count", headers=headers)
    count: int = answer.json()["data"]["count"]
    return count


async def test_a_notification_is_marked_as_read_once(
    service: Service, client: httpx.AsyncClient, tokens: TestIssuer
) -> None:
    user = new_id()
    me = tokens.bearer(user)
    order = confirmed(user)
    await deliver(service, order)
    [notification] = await listed(client, me)

    assert notification | {"id": "", "created_at": ""} == {
        "id": "",
        "topic": "order.confirmed",
        "title": "Order 1001 is confirmed",
        "body": "We received TZS 2,500.00 and are preparing your order.",
        "data": {"order_id": str(order.order_id), "number": "1001"},
        "is_read": False,
        "created_at": "",
    }
    for updated in (1, 0):
        answer = await client.post(f"{URL}/{notification['id']}/read", headers=me)
        assert answer.json()["data"] == {"updated": updated, "count": 0}
    assert await listed(client, me, is_read=False) == []
    assert [n["id"] for n in await listed(client, me, is_read=True)] == [notification["id"]]


async def test_some_or_all_notifications_are_marked_as_read(
    service: Service, client: httpx.AsyncClient, tokens: TestIssuer
) -> None:
    user, other = new_id(), new_id()
    me = tokens.bearer(user)
    await deliver(service, *[confirmed(user, str(number)) for number in range(5)], confirmed(other))
    ids = [notification["id"] for notification in await listed(client, me)]
    [anothers] = [notification["id"] for notification in await listed(client, tokens.bearer(other))]

    some = await client.post(f"{URL}/read", json={"ids": [*ids[:2], anothers]}, headers=me)
    assert some.json()["data"] == {"updated": 2, "count": 3}
    rest = await client.post(f"{URL}/read", json={"all": True}, headers=me)
    assert rest.json()["data"] == {"updated": 3, "count": 0}
    assert await unread(client, tokens.bearer(other)) == 1


@pytest.mark.parametrize("body", [{}, {"ids": []}, {"all": False}, {"ids": ["x"]}])
async def test_marking_no_notification_is_rejected(
    client: httpx.AsyncClient, tokens: TestIssuer, body: dict[str, Any]
) -> None:
    answer = await client.post(f"{URL}/read", json=body, headers=tokens.bearer())

    assert answer.status_code == 422


async def test_another_users_notification_is_not_found(
    service: Service, client: httpx.AsyncClient, tokens: TestIssuer
) -> None:
    user = new_id()
    await deliver(service, confirmed(user))
    [notification] = await listed(client, tokens.bearer(user))
    other = tokens.bearer()

    assert await listed(client, other) == []
    assert (await client.post(f"{URL}/{notification['id']}/read", headers=other)).status_code == 404
    assert (await client.delete(f"{URL}/{notification['id']}", headers=other)).status_code == 404
    assert await unread(client, tokens.bearer(user)) == 1
    assert (await client.get(URL)).status_code == 401


async def test_a_deleted_notification_is_not_found(
    service: Service, client: httpx.AsyncClient, tokens: TestIssuer
) -> None:
    user = new_id()
    me = tokens.bearer(user)
    await deliver(service, confirmed(user))
    [notification] = await listed(client, me)

    assert (await client.delete(f"{URL}/{notification['id']}", headers=me)).status_code == 204
    assert await listed(client, me) == []
    assert (await client.delete(f"{URL}/{notification['id']}", headers=me)).status_code == 404


async def test_the_list_is_paged_newest_first(service: Service, client: httpx.AsyncClient, tokens: TestIssuer) -> None:
    user = new_id()
    me = tokens.bearer(user)
    await deliver(service, *[confirmed(user, str(number)) for number in range(5)])
    cursor, titles = None, []
    while True:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await client.get(URL, params=query, headers=me)).json()
        titles += [notification["data"]["number"] for notification in page["data"]]
        cursor = page["meta"]["next_cursor"]
        if cursor is None:
            break

    assert titles == ["4", "3", "2", "1", "0"]
    assert (await client.get(URL, params={"cursor": "x"}, headers=me)).json()["errors"][0]["field"] == "cursor"
