"""Requests that are answered before FastAPI."""

from collections.abc import AsyncIterator

from fastapi import APIRouter, Request, Response
from httpx import AsyncClient
from prometheus_client import REGISTRY

from common.errors import NotFound
from common.settings import ServiceSettings
from common.testing.plugin import ClientFor, FreshDatabase
from common.web.raw_json import json_response
from common.web.service import Service

router = APIRouter()


@router.get("/things/{key}")
async def get_thing(key: str) -> str:
    return f"route {key}"


@router.post("/things/{key}")
async def post_thing(key: str) -> str:
    return f"posted {key}"


async def hot_thing(_: Request, key: str) -> Response | None:
    if key == "gone":
        raise NotFound
    if key == "broken":
        raise ZeroDivisionError
    return json_response(b'"hot"') if key.isalpha() else None


@router.post("/orders")
async def post_order(body: dict[str, int]) -> str:
    return f"route {sum(body.values())}"


async def hot_order(request: Request, _: str) -> Response | None:
    body = await request.body()
    return json_response(b'"hot"') if body == b'{"hot": 1}' else None


async def shop(fresh_database: FreshDatabase, client_for: ClientFor) -> AsyncClient:
    database = await fresh_database("common")
    reads = {"/things/{key}": hot_thing}
    settings = ServiceSettings(max_body_bytes=100)
    posts = {"/orders": hot_order}
    service = Service("shop", settings, database, routers=[router], fast_reads=reads, fast_posts=posts)
    return await client_for(service)


def counted(status: int) -> float:
    labels = {"service": "shop", "method": "GET", "route": "/api/v1/things/{key}", "status": str(status)}
    return REGISTRY.get_sample_value("dukan_http_requests_total", labels) or 0.0


async def test_a_fast_read_responds_and_leaves_everything_else_to_the_route(
    fresh_database: FreshDatabase, client_for: ClientFor
) -> None:
    client = await shop(fresh_database, client_for)
    assert (await client.get("/api/v1/things/boots")).text == '"hot"'
    assert (await client.get("/api/v1/things/boots/")).text == '"hot"'
    assert (await client.get("/api/v1/things/42")).text == '"route 42"'
    assert (await client.post("/api/v1/things/boots")).text == '"posted boots"'
    assert (await client.get("/api/v1/things")).status_code == 404
    assert (await client.get("/api/v1/things/boots/laces")).status_code == 404
    assert (await client.head("/api/v1/things/boots")).headers["content-length"] == "5"


async def test_errors_and_crashes_of_a_fast_read_are_answered_and_counted_like_others(
    fresh_database: FreshDatabase, client_for: ClientFor
) -> None:
    client = await shop(fresh_database, client_for)
    before = counted(200), counted(404), counted(500)
    found, gone, broken = [await client.get(f"/api/v1/things/{key}") for key in ("boots", "gone", "broken")]
    assert found.headers["x-request-id"]
    assert (gone.status_code, gone.json()["code"]) == (404, "not_found")
    assert gone.json()["request_id"] == gone.headers["x-request-id"]
    assert (broken.status_code, broken.json()["code"]) == (500, "internal_error")
    assert (counted(200), counted(404), counted(500)) == tuple(count + 1 for count in before)


async def test_a_request_that_a_fast_post_leaves_reaches_the_route_with_its_body(
    fresh_database: FreshDatabase, client_for: ClientFor
) -> None:
    client = await shop(fresh_database, client_for)
    assert (await client.post("/api/v1/orders", content=b'{"hot": 1}')).text == '"hot"'
    assert (await client.post("/api/v1/orders", json={"a": 1, "b": 41})).text == '"route 42"'
    assert (await client.post("/api/v1/orders", json=["no number"])).status_code == 422
    assert (await client.get("/api/v1/orders")).status_code == 405


async def test_the_body_limit_applies_to_a_fast_post(fresh_database: FreshDatabase, client_for: ClientFor) -> None:
    client = await shop(fresh_database, client_for)

    async def in_pieces() -> AsyncIterator[bytes]:
        for _ in range(11):
            yield b" " * 10

    assert (await client.post("/api/v1/orders", content=b" " * 101)).status_code == 413
    assert (await client.post("/api/v1/orders", content=in_pieces())).status_code == 413
