"""What the gateway answers by itself."""

import asyncio
import json
import re
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator

from common.contracts.auth import UserDeactivated
from common.contracts.gateway import RequestsLogged
from common.events.cloudevent import CloudEvent
from common.ids import new_id
from common.openapi.errors import shared_examples, shared_responses
from common.testing import TestIssuer, eventually
from gateway.openapi import merge

from .behind import Behind, Seen
from .conftest import Door, OpenDoor


async def test_the_root_says_who_this_is_and_where_to_look(door: Door) -> None:
    about = (await door.client.get("/")).json()["data"]

    assert (about["name"], about["status"]) == ("Dukan", "up")
    for link in ("docs", "redoc", "openapi", "asyncapi", "health"):
        assert (await door.client.get(about["links"][link])).status_code == 200


async def test_health_sums_up_the_services_and_names_the_one_that_is_not_up(door: Door, behind: Behind) -> None:
    healthy = (await door.client.get("/health")).json()["data"]
    assert healthy["status"] == "up"
    assert {service["status"] for service in healthy["services"].values()} == {"up"}

    async def unready(seen: Seen) -> None:
        await seen.answer(503)

    behind.scripts["/health/ready"] = unready
    sick = await door.client.get("/health")

    assert (sick.status_code, sick.json()["code"]) == (503, "degraded")
    assert sick.json()["errors"][0]["detail"]["services"]["orders"]["status"] == "not_ready"
    assert (await door.client.get("/health/ready")).status_code == 200
    assert (await door.client.get("/health/live")).status_code == 200


async def test_without_its_bus_the_gateway_is_not_ready_and_still_answers(door: Door, behind: Behind) -> None:
    door.transport.connected = False

    assert (await door.client.get("/health/ready")).json()["errors"][0]["detail"] == {"identity": True, "bus": False}
    assert (await door.client.get("/api/v1/products")).status_code == 200


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
async def test_the_documentation_loads_nothing_from_elsewhere(door: Door, path: str) -> None:
    page = await door.client.get(path)
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)

    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "script-src 'self';" in page.headers["content-security-policy"]
    assert len(loaded) >= 3
    for asset in loaded:
        assert asset.startswith("/docs/assets/")
        found = await door.client.get(asset)
        assert found.status_code == 200
        assert found.headers["content-type"].split(";")[0] in ("text/javascript", "text/css", "image/png")
        assert b"cdn.redoc" not in found.content


async def test_pages_are_read_only(door: Door) -> None:
    refused = await door.client.post("/health")

    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")
    head = await door.client.head("/docs")
    assert (head.status_code, head.content) == (200, b"")


async def test_metrics_count_what_was_answered(door: Door, behind: Behind) -> None:
    await door.client.get("/api/v1/products/some-id")

    metrics = (await door.client.get("/metrics")).text
    assert 'dukan_http_requests_total{method="GET",route="/products",service="gateway",status="200"}' in metrics


async def test_the_event_catalogue_describes_every_event_with_a_schema_at_its_address(door: Door) -> None:
    catalogue = (await door.client.get("/asyncapi")).json()
    event = UserDeactivated(user_id=new_id())
    cloud_event = CloudEvent.of(event)
    schema = (await door.client.get(cloud_event.headers()["cloudEvents_dataschema"])).json()

    assert catalogue["asyncapi"] == "3.0.0"
    assert UserDeactivated.type in catalogue["channels"]
    Draft202012Validator(schema).validate(json.loads(cloud_event.data))


def service(path: str, **schemas: Any) -> dict[str, Any]:
    answer = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Envelope_View_"}}}}
    operation = {
        "operationId": path,
        "security": [{"bearer": []}],
        "responses": {"200": answer, "422": {"$ref": "#/components/responses/Invalid"}},
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "x", "version": "1"},
        "paths": {path: {"get": operation, "post": operation}},
        "components": {
            "schemas": schemas,
            "responses": shared_responses([422]),
            "examples": shared_examples([422]),
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def view(**properties: str) -> dict[str, Any]:
    return {"type": "object", "properties": {name: {"type": kind} for name, kind in properties.items()}}


WRAPPED = {
    "type": "object",
    "properties": {"data": {"$ref": "#/components/schemas/View"}, "paid": {"$ref": "#/components/schemas/Money"}},
}
MONEY = view(amount="integer")


def test_schemas_that_share_only_a_name_are_told_apart_and_equal_ones_stay_one() -> None:
    merged = merge(
        {
            "orders": service("/api/v1/orders", Envelope_View_=WRAPPED, View=view(total="integer"), Money=MONEY),
            "billing": service("/api/v1/payments", Envelope_View_=WRAPPED, View=view(paid="boolean"), Money=MONEY),
        }
    )
    schemas = merged["components"]["schemas"]

    assert {"Money", "OrdersView", "BillingView", "OrdersEnvelope_View_", "BillingEnvelope_View_"} <= set(schemas)
    assert "View" not in schemas
    assert schemas["OrdersEnvelope_View_"]["properties"]["data"] == {"$ref": "#/components/schemas/OrdersView"}
    operation = merged["paths"]["/api/v1/payments"]["get"]
    assert operation["tags"] == ["billing"]
    assert _resolve(merged, operation["responses"]["200"])["properties"]["data"]["$ref"].endswith("BillingView")
    invalid = merged["components"]["responses"]["Invalid"]
    assert _resolve(merged, invalid)["title"] == "ErrorEnvelope"


def test_the_document_tells_what_the_gateway_adds() -> None:
    merged = merge({"orders": service("/api/v1/orders", Envelope_View_=WRAPPED, View=MONEY, Money=MONEY, Unused=MONEY)})
    get, post = (merged["paths"]["/api/v1/orders"][method] for method in ("get", "post"))
    components = merged["components"]

    assert get["security"] == [{"bearer": []}, {"apiKey": ["orders:read"]}, {"cookie": []}]
    assert post["security"] == [{"bearer": []}, {"apiKey": ["orders:write"]}, {"cookie": [], "csrf": []}]
    assert components["securitySchemes"].keys() == {"bearer", "apiKey", "cookie", "csrf"}
    assert {"502", "504"} <= get["responses"].keys()
    assert {"RateLimit", "RateLimit-Policy"} <= get["responses"]["200"]["headers"].keys()
    assert {"RateLimit", "Retry-After"} <= components["responses"]["BadGateway"]["headers"].keys()
    assert components["schemas"].keys() == {"Envelope_View_", "View", "Money", "ErrorEnvelope", "Problem"}


async def test_the_document_follows_a_service_that_changes_and_keeps_one_that_is_away(
    open_door: OpenDoor, behind: Behind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.openapi.FRESH_FOR", 0.0)
    door = await open_door()
    document = service("/api/v1/orders", Envelope_View_=WRAPPED, View=MONEY)

    async def tell(seen: Seen) -> None:
        await seen.answer(200, json.dumps(document).encode())

    async def fail(seen: Seen) -> None:
        await seen.answer(502)

    behind.scripts["/openapi.json"] = tell
    assert "/api/v1/orders" in await _paths(door.client)
    document = service("/api/v1/carts", Envelope_View_=WRAPPED, View=MONEY)
    assert "/api/v1/carts" in await _paths(door.client)
    behind.scripts["/openapi.json"] = fail
    assert "/api/v1/carts" in await _paths(door.client)


async def test_every_request_is_logged_without_what_could_be_a_secret(
    door: Door, behind: Behind, tokens: TestIssuer
) -> None:
    user_id = new_id()
    token = "t" * 60
    path = f"/api/v1/unsubscribe/{token}?code=secret"
    await door.client.get(path, headers=tokens.bearer(user_id) | {"User-Agent": "shop/1"})
    await eventually(lambda: _entries(door, "shop/1"))

    (entry,) = await _entries(door, "shop/1")
    assert (entry["method"], entry["path"], entry["status"]) == ("GET", "/api/v1/unsubscribe/***", 200)
    assert (entry["service"], entry["user_id"], entry["ip"]) == ("notifications", str(user_id), "127.0.0.1")
    assert entry["request_id"] == behind.seen[0].one("x-request-id")


async def test_a_logged_path_holds_nothing_that_a_database_refuses(door: Door) -> None:
    """One such entry would take all others of its batch with it: whoever asked could hide what was done meanwhile."""
    await door.client.get("/api/v1/products/%00", headers={"User-Agent": "hider/1"})
    (entry,) = await eventually(lambda: _entries(door, "hider/1"))
    assert entry["path"] == "/api/v1/products/\ufffd"


async def test_what_the_bus_cannot_take_is_kept_until_it_can(
    door: Door, behind: Behind, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = asyncio.Event()

    async def away(_: object) -> None:
        refused.set()
        raise ConnectionError("no broker")

    with monkeypatch.context() as patch:
        patch.setattr(door.transport, "publish", away)
        await door.client.get("/api/v1/products", headers={"User-Agent": "patient/1"})
        await asyncio.wait_for(refused.wait(), 5)

    assert len(await eventually(lambda: _entries(door, "patient/1"))) == 1


async def test_pages_of_other_origins_may_call_only_where_that_was_said(open_door: OpenDoor, behind: Behind) -> None:
    local = await open_door()
    production = {"mode": "production", "amqp_url": "amqp://b/", "issuer": "https://dukan.local", "audience": "dukan"}
    strict = await open_door(**production, cors_origins="https://shop.example")
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "idempotency-key"}

    async def allowed(door: Door, origin: str) -> str | None:
        preflight = await door.client.options("/api/v1/orders", headers=asked | {"Origin": origin})
        call = await door.client.get("/api/v1/orders", headers={"Origin": origin})
        assert preflight.headers.get("access-control-allow-origin") == call.headers.get("access-control-allow-origin")
        assert "origin" in call.headers["vary"].lower()
        granted: str | None = call.headers.get("access-control-allow-origin")
        return granted

    assert await allowed(local, "http://localhost:5173") == "http://localhost:5173"
    assert await allowed(local, "https://localhost.evil.example") is None
    assert await allowed(strict, "https://shop.example") == "https://shop.example"
    assert await allowed(strict, "http://localhost:5173") is None
    assert [seen.method for seen in behind.seen] == ["GET"] * 4


async def _paths(client: httpx.AsyncClient) -> dict[str, Any]:
    paths: dict[str, Any] = (await client.get("/openapi.json")).json()["paths"]
    return paths


async def _entries(door: Door, agent: str) -> list[dict[str, Any]]:
    batches = [e.data for e in door.transport.published if e.type == RequestsLogged.type]
    listed = [entry for batch in batches for entry in json.loads(batch)["requests"]]
    return [entry for entry in listed if entry["user_agent"] == agent]


def _resolve(document: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    name = answer["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[-1]
    schema: dict[str, Any] = document["components"]["schemas"][name]
    return schema
