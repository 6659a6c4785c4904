"""Requests made to confuse: every one is refused before a service sees it."""

import pytest

from gateway.protocol import HEAD_BYTES

from .behind import Behind
from .conftest import Door, OpenDoor

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
async def test_a_path_that_could_mean_two_things_is_refused(door: Door, behind: Behind, path: bytes) -> None:
    answer = await door.raw(b"GET " + path + b" HTTP/1.1\r\nHost: shop\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 400"), answer
    assert b'"status":"error"' in answer
    assert behind.seen == []


@pytest.mark.parametrize("head", HEADS)
async def test_headers_that_could_be_read_in_two_ways_are_refused(door: Door, behind: Behind, head: bytes) -> None:
    smuggled = b"GET /api/v1/users HTTP/1.1\r\nHost: shop\r\n\r\n"
    answer = await door.raw(b"POST /api/v1/products HTTP/1.1\r\nHost: shop\r\n" + head + smuggled)

    assert answer.startswith(b"HTTP/1.1 4"), answer
    assert answer.count(b"HTTP/1.1") == 1, answer
    assert [seen.target for seen in behind.seen if "users" in seen.target] == []


@pytest.mark.parametrize("host", [b"", b"Host: \r\n", b"Host: a b\r\n", b"Host: a/b\r\n", b"Host: a@b\r\n"])
async def test_a_request_without_a_plain_host_is_refused(door: Door, behind: Behind, host: bytes) -> None:
    answer = await door.raw(b"GET /api/v1/products HTTP/1.1\r\n" + host + b"\r\n")

    assert answer.startswith(b"HTTP/1.1 400")
    assert behind.seen == []


async def test_requests_sent_in_one_go_are_answered_one_by_one(door: Door, behind: Behind) -> None:
    one = b"GET /api/v1/products HTTP/1.1\r\nHost: shop\r\n\r\n"
    two = b"POST /api/v1/orders HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    answer = await door.raw(one + two + one)

    assert answer.count(b"HTTP/1.1 200") == 3
    assert [(seen.method, seen.body) for seen in behind.seen] == [("GET", b""), ("POST", b"abc"), ("GET", b"")]


@pytest.mark.parametrize(
    "line",
    [b"GARBAGE", b"GET / HTTP/9.9", b"CONNECT evil.example:443 HTTP/1.1", b"GET  /api HTTP/1.1", b"\x16\x03\x01\x00"],
)
async def test_what_is_no_http_request_for_us_is_refused(door: Door, behind: Behind, line: bytes) -> None:
    answer = await door.raw(line + b"\r\nHost: shop\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 4"), answer
    assert behind.seen == []


async def test_too_many_or_too_large_headers_are_refused(open_door: OpenDoor, behind: Behind) -> None:
    door = await open_door(max_headers=20, max_header_bytes=2000)
    many = await door.client.get("/api/v1/products", headers={f"x-{n}": "1" for n in range(30)})
    large = await door.client.get("/api/v1/products", headers={"x-large": "a" * 2000})

    assert [(many.status_code, large.status_code)] == [(431, 431)]
    assert many.json()["code"] == "headers_too_large"
    assert behind.seen == []


async def test_a_head_without_an_end_is_cut_off(door: Door) -> None:
    answer = await door.raw(b"GET / HTTP/1.1\r\nHost: shop\r\nX-Endless: " + b"a" * (4 * HEAD_BYTES))

    assert answer.startswith(b"HTTP/1.1 431") or answer == b""


async def test_an_upgrade_is_not_passed_on(door: Door, behind: Behind) -> None:
    await door.raw(
        b"GET /api/v1/products HTTP/1.1\r\nHost: shop\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
        b"HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n"
    )

    for seen in behind.seen:
        assert seen.one("upgrade") is None
        assert seen.one("http2-settings") is None
