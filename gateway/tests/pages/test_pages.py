"""The gateway's own pages."""

import json
import re

import pytest
from fake_upstream import FakeUpstream, ReceivedRequest
from gateway_harness import RunningGateway
from jsonschema import Draft202012Validator

from common.contracts.auth import UserDeactivated
from common.events.cloudevent import CloudEvent
from common.ids import new_id


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

    upstream.scripts["/health"] = unready
    degraded = await gateway.client.get("/health")

    assert (degraded.status_code, degraded.json()["code"]) == (503, "degraded")
    assert degraded.json()["errors"][0]["detail"]["services"]["orders"]["status"] == "not_ready"
    assert (await gateway.client.get("/health/ready")).status_code == 200
    assert (await gateway.client.get("/health/live")).status_code == 200


async def test_health_says_which_services_lack_the_broker(gateway: RunningGateway, upstream: FakeUpstream) -> None:
    async def lacks_the_broker(request: ReceivedRequest) -> None:
        await request.respond(200, b'{"data": {"status": "degraded", "checks": {"broker": false}}}')

    async def nonsense(request: ReceivedRequest) -> None:
        await request.respond(200, b"<html>")

    for script, status in ((lacks_the_broker, "degraded"), (nonsense, "unreachable")):
        upstream.scripts["/health"] = script
        detail = (await gateway.client.get("/health")).json()["errors"][0]["detail"]
        assert detail["services"]["orders"]["status"] == status


async def test_without_the_broker_the_gateway_is_ready_and_its_health_says_so(gateway: RunningGateway) -> None:
    gateway.transport.connected = False

    assert (await gateway.client.get("/health/ready")).json()["data"] == {"accepting": True, "identity": True}
    health = await gateway.client.get("/health")
    assert (health.status_code, health.json()["errors"][0]["detail"]["broker"]) == (503, False)
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
    rejected = await gateway.client.post("/health")

    assert (rejected.status_code, rejected.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
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
