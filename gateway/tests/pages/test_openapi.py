"""The merged OpenAPI document."""

import json
from typing import Any

import httpx
import pytest
from fake_upstream import FakeUpstream, ReceivedRequest
from gateway_harness import OpenGateway

from common.openapi.errors import shared_examples, shared_responses
from gateway.pages.openapi import merge


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
    assert all(schema["title"] == name for name, schema in schemas.items())
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

    async def respond(request: ReceivedRequest) -> None:
        await request.respond(200, json.dumps(document).encode())

    async def fail(request: ReceivedRequest) -> None:
        await request.respond(502)

    upstream.scripts["/openapi.json"] = respond
    assert "/api/v1/orders" in await _paths(gateway.client)
    document = service("/api/v1/carts", Envelope_View_=WRAPPED, View=MONEY)
    assert "/api/v1/carts" in await _paths(gateway.client)
    upstream.scripts["/openapi.json"] = fail
    assert "/api/v1/carts" in await _paths(gateway.client)


async def _paths(client: httpx.AsyncClient) -> dict[str, Any]:
    paths: dict[str, Any] = (await client.get("/openapi.json")).json()["paths"]
    return paths


def _resolve(document: dict[str, Any], response: dict[str, Any]) -> dict[str, Any]:
    name = response["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[-1]
    schema: dict[str, Any] = document["components"]["schemas"][name]
    return schema
