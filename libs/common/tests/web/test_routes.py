"""Callers, roles, pages and idempotent requests."""

import asyncio

import pytest
from httpx import AsyncClient

from common.ids import new_id
from common.persistence.database import Database
from common.testing import TestIssuer

BASKET = {"items": [{"quantity": 1}]}


async def made(database: Database) -> int:
    async with database.begin() as tx:
        return int(await tx.sql.fetchval("SELECT count(*) FROM made"))


async def test_routes_require_their_role(client: AsyncClient, tokens: TestIssuer) -> None:
    async def statuses(headers: dict[str, str]) -> list[int]:
        return [(await client.get(f"/api/v1/{path}", headers=headers)).status_code for path in paths]

    paths = ("greeting", "me", "staff-room", "vault")
    assert await statuses({}) == [200, 401, 401, 401]
    assert await statuses(tokens.bearer()) == [200, 200, 403, 403]
    assert await statuses(tokens.bearer(roles=["staff"])) == [200, 200, 200, 403]
    assert await statuses(tokens.bearer(roles=["admin"])) == [200, 200, 200, 200]


@pytest.mark.parametrize("credential", ["Bearer x.y.z", "Bearer", "Basic dXNlcjpwYXNz", "ApiKey dk_1_2"])
async def test_an_invalid_credential_is_rejected_even_if_none_is_required(client: AsyncClient, credential: str) -> None:
    answer = await client.get("/api/v1/greeting", headers={"Authorization": credential})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_pages_link_to_their_neighbours_and_keep_the_filters(client: AsyncClient) -> None:
    meta = (await client.get("/api/v1/pages?page=2&page_size=20&label=a%26b")).json()["meta"]
    assert meta == {
        "page": 2,
        "page_size": 20,
        "total": 45,
        "next": "/api/v1/pages?page_size=20&label=a%26b&page=3",
        "previous": "/api/v1/pages?page_size=20&label=a%26b&page=1",
    }
    assert (await client.get("/api/v1/pages?page=3")).json()["meta"]["next"] is None
    assert (await client.get("/api/v1/pages?page=9")).json()["meta"]["previous"] == "/api/v1/pages?page=3"


@pytest.mark.parametrize(
    "query", ["pages?page=0", "pages?page_size=101", "pages?page=x", "pages?page=99999999999999999999", "feed?limit=0"]
)
async def test_page_numbers_and_sizes_are_limited(client: AsyncClient, query: str) -> None:
    assert (await client.get(f"/api/v1/{query}")).status_code == 422


async def test_twenty_concurrent_requests_with_one_key_make_one_order(
    client: AsyncClient, database: Database, tokens: TestIssuer
) -> None:
    headers = tokens.bearer(new_id()) | {"Idempotency-Key": "once"}
    answers = await asyncio.gather(*(client.post("/api/v1/orders", json=BASKET, headers=headers) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.content for answer in answers}) == 1
    assert (
        sorted(answer.headers.get("idempotency-replayed", "first") for answer in answers) == ["first"] + ["true"] * 19
    )
    assert await made(database) == 1


async def test_a_key_with_another_body_is_rejected(client: AsyncClient, tokens: TestIssuer) -> None:
    headers = tokens.bearer(new_id()) | {"Idempotency-Key": "k"}
    await client.post("/api/v1/orders", json=BASKET, headers=headers)
    answer = await client.post("/api/v1/orders", json=BASKET | {"note": "more"}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")


async def test_a_key_belongs_to_its_user(client: AsyncClient, database: Database, tokens: TestIssuer) -> None:
    for _ in range(2):
        await client.post("/api/v1/orders", json=BASKET, headers=tokens.bearer() | {"Idempotency-Key": "k"})
    assert await made(database) == 2


async def test_a_failed_request_leaves_its_key_unused(client: AsyncClient, tokens: TestIssuer) -> None:
    headers = tokens.bearer(new_id()) | {"Idempotency-Key": "k"}
    refused = await client.post("/api/v1/orders", json=BASKET | {"note": "refuse"}, headers=headers)
    assert refused.status_code == 409
    assert (await client.post("/api/v1/orders", json=BASKET, headers=headers)).status_code == 202


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "\x7f", "ключ"])
async def test_a_key_must_be_visible_ascii(client: AsyncClient, tokens: TestIssuer, key: str) -> None:
    bearer = tokens.bearer()["Authorization"]
    headers = [(b"Authorization", bearer.encode()), (b"Idempotency-Key", key.encode())]
    answer = await client.post("/api/v1/orders", json=BASKET, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_invalid")


async def test_every_request_without_a_key_is_executed(
    client: AsyncClient, database: Database, tokens: TestIssuer
) -> None:
    for _ in range(2):
        await client.post("/api/v1/orders", json=BASKET, headers=tokens.bearer())
    assert await made(database) == 2
