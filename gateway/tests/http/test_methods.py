"""HEAD like GET, OPTIONS with Allow, at pages, at services and from the cache."""

import json

import httpx
import pytest
from fake_upstream import FakeUpstream, ReceivedRequest, Script
from gateway_harness import RunningGateway

ORDERS = "/api/v1/orders"
PRODUCTS = "/api/v1/products"
LARGE = json.dumps(["a"] * 1000).encode()
OWN_OF_EACH_REQUEST = {"x-request-id", "traceparent", "date", "age", "x-cache", "ratelimit"}


def as_a_service(body: bytes, *headers: tuple[str, str], is_chunked: bool = False) -> Script:
    """Responds to HEAD as to GET, without the body."""

    async def respond(request: ReceivedRequest) -> None:
        framing = "transfer-encoding: chunked" if is_chunked else f"content-length: {len(body)}"
        lines = "".join(f"{name}: {value}\r\n" for name, value in (("content-type", "application/json"), *headers))
        request.writer.write(f"HTTP/1.1 200 OK\r\n{lines}{framing}\r\n\r\n".encode())
        if request.method == "GET":
            request.writer.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body) if is_chunked else body)

    return respond


def comparable(response: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in response.headers.items() if name not in OWN_OF_EACH_REQUEST}


@pytest.mark.parametrize("coding", ["identity", "gzip", "br", "zstd"])
@pytest.mark.parametrize("body", [b"[]", LARGE], ids=["small", "large"])
@pytest.mark.parametrize("path", [ORDERS, PRODUCTS])
async def test_head_has_the_headers_of_get(
    gateway: RunningGateway, upstream: FakeUpstream, path: str, body: bytes, coding: str
) -> None:
    upstream.scripts[path] = as_a_service(body, ("etag", '"1"'), ("cache-control", "public, max-age=60"))
    accepting = {"accept-encoding": coding}
    before = await gateway.client.head(path, headers=accepting)
    get = await gateway.client.get(path, headers=accepting)
    after = await gateway.client.head(path, headers=accepting)

    for head in (before, after):
        assert (head.status_code, head.content) == (200, b"")
        expected = comparable(get)
        # A server must not guess the length of a body that it has not compressed.
        if "content-length" not in head.headers:
            assert coding != "identity"
            del expected["content-length"]
        assert comparable(head) == expected
    assert "content-length" in after.headers or path == ORDERS


async def test_head_of_a_response_of_unknown_length_has_none(gateway: RunningGateway, upstream: FakeUpstream) -> None:
    upstream.scripts[ORDERS] = as_a_service(b"[]", is_chunked=True)
    response = await gateway.raw(f"HEAD {ORDERS} HTTP/1.1\r\nHost: shop\r\n\r\n".encode() * 2)

    assert response.count(b"HTTP/1.1 200") == 2
    assert b"content-length" not in response
    assert response.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("path", ["/", "/health", "/health/live", "/metrics", "/docs", "/openapi.json", "/asyncapi"])
async def test_pages_answer_head_and_options(gateway: RunningGateway, path: str) -> None:
    get, head, options = [await gateway.client.request(method, path) for method in ("GET", "HEAD", "OPTIONS")]

    assert (head.status_code, head.content) == (get.status_code, b"")
    assert head.headers["content-type"] == get.headers["content-type"]
    assert "cache-control" in get.headers
    assert (options.status_code, options.headers["allow"]) == (204, "GET, HEAD, OPTIONS")


async def test_options_goes_to_the_service(gateway: RunningGateway, upstream: FakeUpstream) -> None:
    async def allow(request: ReceivedRequest) -> None:
        request.writer.write(b"HTTP/1.1 204 No Content\r\nallow: GET, HEAD, OPTIONS\r\n\r\n")

    upstream.scripts[ORDERS] = allow
    answer = await gateway.client.options(ORDERS)

    assert (answer.status_code, answer.headers["allow"]) == (204, "GET, HEAD, OPTIONS")
    assert (await gateway.client.options("/nothing")).status_code == 404


async def test_options_of_the_whole_server_names_all_methods(gateway: RunningGateway, upstream: FakeUpstream) -> None:
    response = await gateway.raw(b"OPTIONS * HTTP/1.1\r\nHost: shop\r\n\r\n")

    assert response.startswith(b"HTTP/1.1 204")
    assert b"\r\nallow: DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT\r\n" in response
    assert upstream.requests == []


@pytest.mark.parametrize("path", ["/nothing", "/api/v1/nothing", "/api/v1//orders"])
async def test_an_error_must_not_be_stored(gateway: RunningGateway, path: str) -> None:
    answer = await gateway.client.get(path)

    assert answer.status_code in (400, 404)
    assert answer.headers.get_list("cache-control") == ["no-store"]


async def test_unknown_methods_purge_nothing(gateway: RunningGateway, upstream: FakeUpstream) -> None:
    upstream.scripts[PRODUCTS] = as_a_service(b"[]", ("cache-control", "public, max-age=60"))
    await gateway.client.get(PRODUCTS)
    for method in ("PROPFIND", "PURGE", "FOO"):
        assert (await gateway.client.request(method, PRODUCTS)).status_code == 501

    assert (await gateway.client.get(PRODUCTS)).headers["x-cache"] == "hit"
