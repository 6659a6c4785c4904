"""What the gateway responses by itself."""

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
from gateway.pages.openapi import merge

from ..conftest import OpenGateway, RunningGateway
from ..upstream import FakeUpstream, ReceivedRequest


async def test_the_root_page_has_name_status_and_links(gateway: RunningGateway) -> None:
    about = (await gateway.client.get("/")).json()["data"]

    assert (about["name"], about["status"]) == ("Dukan", "up")
    for link in ("docs", "redoc", "openapi", "asyncapi", "health"):
        assert (await gateway.client.get(about["links"][link])).status_code == 200


async def test_health_names_the_services_that_are_not_up(gateway: RunningGateway, upstream: FakeUpstream) -> None:
    healthy = (await gateway.client.get("/health")).json()["data"]
    assert healthy["status"] == "up"
    assert {service["status"] for service in healthy["services"].values()} == {"up"}

    async def unready(request: ReceivedRequest) -> None:
        await request.respond(503)

    upstream.scripts["/health/ready"] = unready
    sick = await gateway.client.get("/health")

    assert (sick.status_code, sick.json()["code"]) == (503, "degraded")
    assert sick.json()["errors"][0]["detail"]["services"]["orders"]["status"] == "not_ready"
    assert (await gateway.client.get("/health/ready")).status_code == 200
    assert (await gateway.client.get("/health/live")).status_code == 200


async def test_without_the_bus_the_gateway_is_not_ready_but_responds(
    gateway: RunningGateway, upstream: FakeUpstream
) -> None:
    gateway.transport.connected = False

    assert (await gateway.client.get("/health/ready")).json()["errors"][0]["detail"] == {"identity": True, "bus": False}
    assert (await gateway.client.get("/api/v1/products")).status_code == 200


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
async def test_the_documentation_loads_nothing_from_other_sites(gateway: RunningGateway, path: str) -> None:
    page = await gateway.client.get(path)
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)

    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "script-src 'self';" in page.headers["content-security-policy"]
    assert len(loaded) >= 3
    for asset in loaded:
        assert asset.startswith("/docs/assets/")
        found = await gateway.client.get(asset)
        assert found.status_code == 200
        assert found.headers["content-type"].split(";")[0] in ("text/javascript", "text/css", "image/png")
        assert b"cdn.redoc" not in found.content


async def test_pages_are_read_only(gateway: RunningGateway) -> None:
    refused = await gateway.client.post("/health")

    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")
    head = await gateway.client.head("/docs")
    assert (head.status_code, head.content) == (200, b"")


async def test_metrics_count_requests(gateway: RunningGateway, upstream: FakeUpstream) -> None:
    await gateway.client.get("/api/v1/products/some-id")

    metrics = (await gateway.client.get("/metrics")).text
    assert 'dukan_http_requests_total{method="GET",route="/products",service="gateway",status="200"}' in metrics


async def test_the_event_catalogue_serves_the_schema_at_each_dataschema_address(gateway: RunningGateway) -> None:
    catalogue = (await gateway.client.get("/asyncapi")).json()
    event = UserDeactivated(user_id=new_id())
    cloud_event = CloudEvent.of(event)
    schema = (await gateway.client.get(cloud_event.headers()["cloudEvents_dataschema"])).json()

    assert catalogue["asyncapi"] == "3.0.0"
    assert UserDeactivated.type in catalogue["channels"]
    Draft202012Validator(schema).validate(json.loads(cloud_event.data))


def service(path: str, **schemas: Any) -> dict[str, Any]:
    response = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Envelope_View_"}}}}
    operation = {
        "operationId": path,
        "security": [{"bearer": []}],
        "responses": {"200": response, "422": {"$ref": "#/components/responses/Invalid"}},
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


def test_different_schemas_with_one_name_get_prefixes_and_equal_ones_are_merged() -> None:
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


def test_the_document_contains_what_the_gateway_adds() -> None:
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


async def test_the_document_follows_changes_and_keeps_unreachable_services(
    open_gateway: OpenGateway, upstream: FakeUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.pages.openapi.REFRESH_SECONDS", 0.0)
    gateway = await open_gateway()
    document = service("/api/v1/orders", Envelope_View_=WRAPPED, View=MONEY)

    async def tell(request: ReceivedRequest) -> None:
        await request.respond(200, json.dumps(document).encode())

    async def fail(request: ReceivedRequest) -> None:
        await request.respond(502)

    upstream.scripts["/openapi.json"] = tell
    assert "/api/v1/orders" in await _paths(gateway.client)
    document = service("/api/v1/carts", Envelope_View_=WRAPPED, View=MONEY)
    assert "/api/v1/carts" in await _paths(gateway.client)
    upstream.scripts["/openapi.json"] = fail
    assert "/api/v1/carts" in await _paths(gateway.client)


async def test_requests_are_logged_without_secrets(
    gateway: RunningGateway, upstream: FakeUpstream, tokens: TestIssuer
) -> None:
    user_id = new_id()
    token = "t" * 60
    path = f"/api/v1/emails/{token}?code=secret"
    await gateway.client.get(path, headers=tokens.bearer(user_id) | {"User-Agent": "shop/1"})
    await eventually(lambda: _entries(gateway, "shop/1"))

    (entry,) = await _entries(gateway, "shop/1")
    assert (entry["method"], entry["path"], entry["status"]) == ("GET", "/api/v1/emails/***", 200)
    assert (entry["service"], entry["user_id"], entry["ip"]) == ("notifications", str(user_id), "127.0.0.1")
    assert entry["request_id"] == upstream.requests[0].header("x-request-id")


async def test_nul_is_removed_from_logged_paths(gateway: RunningGateway) -> None:
    """One such entry would take all others of its batch with it: whoever asked could hide what was done meanwhile."""
    await gateway.client.get("/api/v1/products/%00", headers={"User-Agent": "hider/1"})
    (entry,) = await eventually(lambda: _entries(gateway, "hider/1"))
    assert entry["path"] == "/api/v1/products/\ufffd"


async def test_the_request_log_is_buffered_while_the_bus_is_unavailable(
    gateway: RunningGateway, upstream: FakeUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = asyncio.Event()

    async def away(_: object) -> None:
        refused.set()
        raise ConnectionError("no broker")

    with monkeypatch.context() as patch:
        patch.setattr(gateway.transport, "publish", away)
        await gateway.client.get("/api/v1/products", headers={"User-Agent": "patient/1"})
        await asyncio.wait_for(refused.wait(), 5)

    assert len(await eventually(lambda: _entries(gateway, "patient/1"))) == 1


async def test_only_configured_origins_may_call(open_gateway: OpenGateway, upstream: FakeUpstream) -> None:
    local = await open_gateway()
    production = {"mode": "production", "amqp_url": "amqp://b/", "issuer": "https://dukan.local", "audience": "dukan"}
    strict = await open_gateway(**production, cors_origins="https://shop.example")
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "idempotency-key"}

    async def allowed(gateway: RunningGateway, origin: str) -> str | None:
        preflight = await gateway.client.options("/api/v1/orders", headers=asked | {"Origin": origin})
        call = await gateway.client.get("/api/v1/orders", headers={"Origin": origin})
        assert preflight.headers.get("access-control-allow-origin") == call.headers.get("access-control-allow-origin")
        assert "origin" in call.headers["vary"].lower()
        granted: str | None = call.headers.get("access-control-allow-origin")
        return granted

    assert await allowed(local, "http://localhost:5173") == "http://localhost:5173"
    assert await allowed(local, "https://localhost.evil.example") is None
    assert await allowed(strict, "https://shop.example") == "https://shop.example"
    assert await allowed(strict, "http://localhost:5173") is None
    assert [request.method for request in upstream.requests] == ["GET"] * 4


async def _paths(client: httpx.AsyncClient) -> dict[str, Any]:
    paths: dict[str, Any] = (await client.get("/openapi.json")).json()["paths"]
    return paths


async def _entries(gateway: RunningGateway, agent: str) -> list[dict[str, Any]]:
    batches = [e.data for e in gateway.transport.published if e.type == RequestsLogged.type]
    listed = [entry for batch in batches for entry in json.loads(batch)["requests"]]
    return [entry for entry in listed if entry["user_agent"] == agent]


def _resolve(document: dict[str, Any], response: dict[str, Any]) -> dict[str, Any]:
    name = response["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[-1]
    schema: dict[str, Any] = document["components"]["schemas"][name]
    return schema
