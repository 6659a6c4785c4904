"""What the gateway forwards, sets and strips, in both directions."""

import gc
import gzip

import pytest
from fake_upstream import FakeUpstream, ReceivedRequest
from gateway_harness import OpenGateway, RunningGateway
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from common.testing import eventually
from gateway.proxy.disconnect import DisconnectWatcher

PRODUCTS = "/api/v1/products"


async def test_request_and_response_pass_unchanged(gateway: RunningGateway, upstream: FakeUpstream) -> None:
    async def respond(request: ReceivedRequest) -> None:
        await request.read_body()
        await request.respond(
            418, b"short and stout", ("content-type", "text/tea"), ("set-cookie", "a=1"), ("set-cookie", "b=2")
        )

    upstream.scripts[PRODUCTS] = respond
    sent = await gateway.client.post(
        f"{PRODUCTS}?search=a%20b&x=%2F",
        content=b"\x00\xff",
        headers={"content-type": "application/x-odd", "accept": "text/tea"},
    )

    (request,) = upstream.requests
    assert (request.method, request.target, request.body) == ("POST", f"{PRODUCTS}?search=a%20b&x=%2F", b"\x00\xff")
    assert (request.header("content-type"), request.header("accept")) == ("application/x-odd", "text/tea")
    assert (sent.status_code, sent.content) == (418, b"short and stout")
    assert sent.headers["content-type"] == "text/tea"
    assert sent.headers.get_list("set-cookie") == ["a=1", "b=2"]


async def test_compressed_responses_and_redirects_are_not_changed(
    gateway: RunningGateway, upstream: FakeUpstream
) -> None:
    compressed = gzip.compress(b"{}" * 100)

    async def respond(request: ReceivedRequest) -> None:
        await request.respond(302, compressed, ("content-encoding", "gzip"), ("location", "/elsewhere"))

    upstream.scripts[PRODUCTS] = respond
    raw = await gateway.raw(f"GET {PRODUCTS} HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n".encode())

    assert raw.startswith(b"HTTP/1.1 302")
    assert raw.endswith(compressed)
    assert len(upstream.requests) == 1


@pytest.mark.parametrize("status", [200, 204, 304, 404, 500, 503])
async def test_the_services_status_is_not_changed(gateway: RunningGateway, upstream: FakeUpstream, status: int) -> None:
    async def respond(request: ReceivedRequest) -> None:
        length = () if status in (204, 304) else (("content-length", "2"),)
        await request.respond(status, b"" if status in (204, 304) else b"{}", ("etag", '"1"'), *length)

    upstream.scripts[PRODUCTS] = respond
    for _ in range(2):
        sent = await gateway.client.get(PRODUCTS)
        assert (sent.status_code, sent.headers["etag"]) == (status, '"1"')


async def test_a_head_request_gets_the_content_length_without_the_body(
    gateway: RunningGateway, upstream: FakeUpstream
) -> None:
    async def respond(request: ReceivedRequest) -> None:
        await request.respond(200, b"", ("content-length", "1000000"))

    upstream.scripts[PRODUCTS] = respond
    for _ in range(2):
        sent = await gateway.client.head(PRODUCTS, headers={"Accept-Encoding": "identity"})
        assert (sent.status_code, sent.headers["content-length"], sent.content) == (200, "1000000", b"")


async def test_connections_to_a_service_are_reused(gateway: RunningGateway, upstream: FakeUpstream) -> None:
    before = upstream.connections
    for _ in range(20):
        await gateway.client.get(PRODUCTS)

    assert upstream.connections <= before + 1


async def test_headers_that_the_gateway_sets_cannot_be_forged(gateway: RunningGateway, upstream: FakeUpstream) -> None:
    forged = {
        "X-User-Id": "1",
        "X-User-Roles": "admin",
        "X_User_Id": "1",
        "X-Authenticated-User": "1",
        "X-Forwarded-For": "8.8.8.8",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Prefix": "/evil",
        "Forwarded": "for=8.8.8.8",
        "X-Real-IP": "8.8.8.8",
        "X-Original-URL": "/admin",
        "X-HTTP-Method-Override": "DELETE",
        "Proxy-Authorization": "Basic x",
        "TE": "trailers",
        "Keep-Alive": "timeout=99",
        "Connection": "keep-alive, X-Secret-Hop",
        "X-Secret-Hop": "1",
        "X-Harmless": "1",
    }
    await gateway.client.get(PRODUCTS, headers=forged)

    (request,) = upstream.requests
    assert request.header("x-forwarded-for") == "127.0.0.1"
    assert request.header("x-forwarded-proto") == "http"
    assert request.header("x-forwarded-host") == f"127.0.0.1:{gateway.port}"
    assert request.header("x-harmless") == "1"
    own = {"x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-harmless"}
    forwarded = {name for name, _ in request.headers} & {name.lower() for name in forged} - own
    assert forwarded == set()


async def test_forwarded_headers_of_a_trusted_proxy_are_used(open_gateway: OpenGateway, upstream: FakeUpstream) -> None:
    gateway = await open_gateway(trusted_proxies="127.0.0.0/8,10.0.0.0/8")
    headers = {"X-Forwarded-For": "6.6.6.6, 203.0.113.9, 10.1.2.3", "X-Forwarded-Proto": "https"}
    await gateway.client.get(PRODUCTS, headers=headers)

    (request,) = upstream.requests
    # The nearest untrusted hop is the client; anyone could have written the earlier ones. The service gets this one
    # address, so that it cannot come to another conclusion.
    assert request.header("x-forwarded-for") == "203.0.113.9"
    assert request.header("x-forwarded-proto") == "https"
    await eventually(lambda: _logged_ip(gateway, "203.0.113.9"))


async def test_internal_response_headers_are_stripped(gateway: RunningGateway, upstream: FakeUpstream) -> None:
    async def respond(request: ReceivedRequest) -> None:
        inner = (
            ("server", "secret/1.0"),
            ("x-powered-by", "x"),
            ("access-control-allow-origin", "*"),
            ("keep-alive", "1"),
        )
        await request.respond(200, b"{}", ("x-request-id", "other"), *inner)

    upstream.scripts[PRODUCTS] = respond
    sent = await gateway.client.get(PRODUCTS)

    assert {"server", "x-powered-by", "access-control-allow-origin", "keep-alive"} & set(sent.headers) == set()
    assert sent.headers.get_list("x-request-id") == [upstream.requests[0].header("x-request-id")]
    assert sent.headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in sent.headers["content-security-policy"]


async def test_malformed_request_ids_and_traces_are_replaced(gateway: RunningGateway, upstream: FakeUpstream) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    valid = await gateway.client.get(PRODUCTS, headers={"X-Request-ID": "my-request-1", "traceparent": trace})
    malformed = await gateway.client.get(PRODUCTS, headers={"X-Request-ID": "bad id", "traceparent": "nonsense"})

    assert valid.headers["x-request-id"] == upstream.requests[0].header("x-request-id") == "my-request-1"
    assert valid.headers["traceparent"] == upstream.requests[0].header("traceparent") == trace
    assert malformed.headers["x-request-id"] == upstream.requests[1].header("x-request-id") != "bad id"
    assert malformed.headers["traceparent"] == upstream.requests[1].header("traceparent") != "nonsense"


@pytest.mark.parametrize(
    ("path", "is_listed"),
    [("/api/v1/orders/", True), ("/.well-known/jwks.json", True), ("/api/v1/ordersX", False), ("/api/v1", False),
     ("/api/v1/internal/revocations", False), ("/internal/revocations", False), ("/nothing", False)],
)  # fmt: skip
async def test_only_listed_routes_are_reachable(
    gateway: RunningGateway, upstream: FakeUpstream, path: str, is_listed: bool
) -> None:
    sent = await gateway.client.get(path)

    assert (sent.status_code == 200) == is_listed
    assert bool(upstream.requests) == is_listed
    if not is_listed:
        assert (sent.status_code, sent.json()["status"], sent.json()["code"]) == (404, "error", "not_found")
        assert sent.json()["request_id"] == sent.headers["x-request-id"]


async def _logged_ip(gateway: RunningGateway, ip: str) -> bool:
    return any(ip.encode() in cloud_event.data for cloud_event in gateway.transport.published)


async def test_a_request_leaves_no_reference_cycles(gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a cycle in every request, the garbage collector stops the gateway for 70 ms twice a second."""
    monkeypatch.setattr("gateway.proxy.disconnect.WATCH_AFTER_SECONDS", 0)
    await gateway.client.post("/api/v1/orders", json={})
    gc.collect()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        for _ in range(20):
            await gateway.client.post("/api/v1/orders", json={})
        gc.collect()
        leaked = [item for item in gc.garbage if isinstance(item, RequestResponseCycle | DisconnectWatcher)]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
    assert not leaked
