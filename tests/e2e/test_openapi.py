"""The examples of the published document are valid requests."""

from typing import Any

import pytest

from .bodies import example
from .platform import Customer, Platform

# Requests without prerequisites, in this order: the first one registers the account that the others use.
BY_ANYBODY = [
    "auth.post_register",
    "auth.post_login",
    "auth.post_pre_register",
    "auth.post_check_email",
    "auth.post_confirmation",
    "auth.post_otp_send",
]
BY_A_CUSTOMER = [
    "auth.patch_me",
    "auth.post_api_key",
    "orders.post_address",
    "orders.post_merge",
    "messaging.post_send_text",
    "notifications.post_read",
]
BY_STAFF = ["catalog.post_category", "catalog.post_import", "operations.post_replay_many"]


@pytest.fixture
async def document(exposed: Platform) -> Any:
    return (await exposed.http.get("/openapi.json")).json()


async def test_an_anonymous_caller_can_send_the_examples(exposed: Platform, document: Any) -> None:
    # Another test may have registered the example's address.
    assert await _statuses(exposed, document, BY_ANYBODY[:1]) <= {201, 409}
    assert await _statuses(exposed, document, BY_ANYBODY[1:]) <= {200, 202}


async def test_a_customer_can_send_the_examples(exposed: Platform, document: Any) -> None:
    customer = await exposed.customer()
    assert await _statuses(exposed, document, BY_A_CUSTOMER, customer) <= {200, 201, 202}


async def test_staff_can_send_the_examples(exposed: Platform, document: Any) -> None:
    assert await _statuses(exposed, document, BY_STAFF, await exposed.admin()) <= {200, 201, 202}


async def test_the_example_order_is_valid_except_for_its_product(exposed: Platform, document: Any) -> None:
    customer, product = await exposed.customer(), await exposed.product(stock=5)
    for operation in ("orders.post_item", "orders.post_order"):
        method, path, body = _request(document, operation)
        body = {**body, "product_id": product} if "product_id" in body else _of(product, body)
        answer = await exposed.http.request(method, path, json=body, headers=_bearer(customer))
        assert answer.status_code in {201, 202}, answer.text


def _of(product: str, order: Any) -> Any:
    return order | {"items": [item | {"product_id": product} for item in order["items"]]}


async def _statuses(
    exposed: Platform, document: Any, operations: list[str], caller: Customer | None = None
) -> set[int]:
    statuses = set()
    for operation in operations:
        method, path, body = _request(document, operation)
        headers = _bearer(caller) if caller else {}
        answer = await exposed.http.request(method, path, json=body, headers=headers)
        assert answer.status_code < 400 or answer.status_code == 409, (operation, answer.text)
        statuses.add(answer.status_code)
    return statuses


def _request(document: Any, operation_id: str) -> tuple[str, str, Any]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if operation["operationId"] == operation_id:
                media = operation["requestBody"]["content"]["application/json"]
                return method, path, example(document, media["schema"])
    raise LookupError(operation_id)


def _bearer(caller: Customer) -> dict[str, str]:
    return {"Authorization": f"Bearer {caller.token}"}
