"""Ambiguous and malformed requests are rejected before a service gets them."""

import pytest
from fake_upstream import FakeUpstream
from gateway_harness import OpenGateway, RunningGateway

from gateway.http.protocol import MAX_HEAD_BYTES

PATHS = [
    b"/api/v1/products/..%2fusers",
    b"/api/v1/products/%2e%2e/users",
    b"/api/v1/products/../users",
    b"/api/v1/products/./1",
    b"/api/v1/products/%2E/1",
    b"/api/v1/products%2F1",
    b"/api/v1/products%5c1",
    b"/api/v1/products\\1",
    b"/api/v1//products",
    b"//evil.example/api/v1/products",
    b"/api/v1/products;admin=1",
    b"/api/v1/products/%00",
    b"/api/v1/products/%0d%0aX-User-Id:1",
    b"/api/v1/products/%7f",
    b"/api/v1/products/%zz",
    b"/api/v1/products/%c0%af",
    b"/api/v1/products/%",
    b"/api/v1/products?q=\xc3\xa9",
]

HEADS = [
    b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
    b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
    b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    b"Content-Length: +3\r\n\r\nabc",
    b"Content-Length: -1\r\n\r\n",
    b"Content-Length: 3, 3\r\n\r\nabc",
    b"Content-Length: 0x3\r\n\r\nabc",
    b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    b" Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"X: a\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"X: a\nTransfer-Encoding\n: chunked\r\n\r\n0\r\n\r\n",
    b"X: a\x00b\r\n\r\n",
    b"Host: other\r\n\r\n",
    b"Authorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n",
]


@pytest.mark.parametrize("path", PATHS)
async def test_an_ambiguous_path_is_rejected(gateway: RunningGateway, upstream: FakeUpstream, path: bytes) -> None:
    response = await gateway.raw(b"GET " + path + b" HTTP/1.1\r\nHost: shop\r\n\r\n")

    assert response.startswith(b"HTTP/1.1 400"), response
    assert b'"status":"error"' in response
    assert upstream.requests == []


@pytest.mark.parametrize("head", HEADS)
async def test_ambiguous_framing_is_rejected(gateway: RunningGateway, upstream: FakeUpstream, head: bytes) -> None:
    smuggled = b"GET /api/v1/users HTTP/1.1\r\nHost: shop\r\n\r\n"
    response = await gateway.raw(b"POST /api/v1/products HTTP/1.1\r\nHost: shop\r\n" + head + smuggled)

    assert response.startswith(b"HTTP/1.1 4"), response
    assert response.count(b"HTTP/1.1") == 1, response
    assert [request.target for request in upstream.requests if "users" in request.target] == []


@pytest.mark.parametrize("host", [b"", b"Host: \r\n", b"Host: a b\r\n", b"Host: a/b\r\n", b"Host: a@b\r\n"])
async def test_a_request_with_a_malformed_host_is_rejected(
    gateway: RunningGateway, upstream: FakeUpstream, host: bytes
) -> None:
    response = await gateway.raw(b"GET /api/v1/products HTTP/1.1\r\n" + host + b"\r\n")

    assert response.startswith(b"HTTP/1.1 400")
    assert upstream.requests == []


async def test_pipelined_requests_are_answered_one_by_one(gateway: RunningGateway, upstream: FakeUpstream) -> None:
    one = b"GET /api/v1/products HTTP/1.1\r\nHost: shop\r\n\r\n"
    two = b"POST /api/v1/orders HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    response = await gateway.raw(one + two + one)

    assert response.count(b"HTTP/1.1 200") == 3
    assert [(request.method, request.body) for request in upstream.requests] == [
        ("GET", b""),
        ("POST", b"abc"),
        ("GET", b""),
    ]


@pytest.mark.parametrize(
    "line",
    [b"GARBAGE", b"GET / HTTP/9.9", b"CONNECT evil.example:443 HTTP/1.1", b"GET  /api HTTP/1.1", b"\x16\x03\x01\x00"],
)
async def test_invalid_request_lines_are_rejected(gateway: RunningGateway, upstream: FakeUpstream, line: bytes) -> None:
    response = await gateway.raw(line + b"\r\nHost: shop\r\n\r\n")

    assert response.startswith(b"HTTP/1.1 4"), response
    assert upstream.requests == []


async def test_too_many_or_too_large_headers_are_rejected(open_gateway: OpenGateway, upstream: FakeUpstream) -> None:
    gateway = await open_gateway(max_headers=20, max_header_bytes=2000)
    many = await gateway.client.get("/api/v1/products", headers={f"x-{n}": "1" for n in range(30)})
    large = await gateway.client.get("/api/v1/products", headers={"x-large": "a" * 2000})

    assert [(many.status_code, large.status_code)] == [(431, 431)]
    assert many.json()["code"] == "headers_too_large"
    assert upstream.requests == []


async def test_an_endless_request_head_is_cut_off(gateway: RunningGateway) -> None:
    response = await gateway.raw(b"GET / HTTP/1.1\r\nHost: shop\r\nX-Endless: " + b"a" * (4 * MAX_HEAD_BYTES))

    assert response.startswith(b"HTTP/1.1 431") or response == b""


async def test_an_upgrade_to_another_protocol_is_not_forwarded(gateway: RunningGateway, upstream: FakeUpstream) -> None:
    await gateway.raw(
        b"GET /api/v1/products HTTP/1.1\r\nHost: shop\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
        b"HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n"
    )

    [request] = upstream.requests
    assert request.header("upgrade") is None
    assert request.header("http2-settings") is None
