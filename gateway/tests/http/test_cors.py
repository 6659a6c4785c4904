"""CORS."""

from fake_upstream import FakeUpstream
from gateway_harness import OpenGateway, RunningGateway, open_production


async def test_only_configured_origins_may_call(open_gateway: OpenGateway, upstream: FakeUpstream) -> None:
    local = await open_gateway()
    production = await open_production(open_gateway, cors_origins="https://shop.example")
    preflight_headers = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "idempotency-key"}

    async def allowed(gateway: RunningGateway, origin: str) -> str | None:
        preflight = await gateway.client.options("/api/v1/orders", headers=preflight_headers | {"Origin": origin})
        call = await gateway.client.get("/api/v1/orders", headers={"Origin": origin})
        assert preflight.headers.get("access-control-allow-origin") == call.headers.get("access-control-allow-origin")
        assert "origin" in call.headers["vary"].lower()
        allowed_origin: str | None = call.headers.get("access-control-allow-origin")
        return allowed_origin

    assert await allowed(local, "http://localhost:5173") == "http://localhost:5173"
    assert await allowed(local, "https://localhost.evil.example") is None
    assert await allowed(production, "https://shop.example") == "https://shop.example"
    assert await allowed(production, "http://localhost:5173") is None
    assert [request.method for request in upstream.requests] == ["GET"] * 4
