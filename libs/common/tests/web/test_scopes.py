"""Requests with a token that is narrowed by scopes."""

import pytest
from httpx import AsyncClient

from common.ids import new_id
from common.security.scopes import SCOPES, SERVICES, allows
from common.testing import TestIssuer

BASKET = {"items": [{"quantity": 1}]}


@pytest.mark.parametrize(
    ("scope", "read", "written"),
    [
        ("", 200, 202),
        ("read", 200, 403),
        ("write", 403, 202),
        ("read write", 200, 202),
        ("catalog:read catalog:write", 403, 403),
        ("READ", 403, 403),
    ],
)
async def test_a_token_may_do_what_its_scopes_allow(
    client: AsyncClient, tokens: TestIssuer, scope: str, read: int, written: int
) -> None:
    headers = tokens.bearer(new_id(), scope=scope)
    reading = await client.get("/api/v1/me", headers=headers)
    writing = await client.post("/api/v1/orders", json=BASKET, headers=headers | {"Idempotency-Key": new_id().hex})

    assert (reading.status_code, writing.status_code) == (read, written)
    assert {answer.json()["code"] for answer in (reading, writing) if answer.is_error} <= {"insufficient_scope"}


async def test_a_scope_does_not_extend_the_role(client: AsyncClient, tokens: TestIssuer) -> None:
    answer = await client.get("/api/v1/vault", headers=tokens.bearer(scope="read write"))
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


@pytest.mark.parametrize("service", SERVICES)
def test_a_services_scope_is_valid_for_that_service_only(service: str) -> None:
    others = [other for other in SERVICES if other != service]
    assert allows({f"{service}:write"}, service, "DELETE")
    assert not any(allows({f"{service}:read"}, other, "GET") for other in [*others, "auth"])


def test_no_scope_allows_writes_to_auth() -> None:
    assert not allows(set(SCOPES), "auth", "POST")
    assert allows({"auth:read"}, "auth", "GET")
