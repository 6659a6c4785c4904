"""Compression: for clients that accept it, where it is safe, and once per cached response."""

import asyncio
import gzip
import zlib
from collections.abc import Callable

import brotli
import httpx
import pytest
import zstandard
from fake_upstream import FakeUpstream, ReceivedRequest, Script
from gateway_harness import OpenGateway, RunningGateway

from gateway.cache import variants
from gateway.http.compression import Coding, compress

PRODUCTS = "/api/v1/products"
ORDERS = "/api/v1/orders"
GZIP = {"accept-encoding": "compress;q=1.0, gzip;q=0.8"}
DECODE: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.decompress,
    "br": brotli.decompress,
    "zstd": lambda body: zstandard.ZstdDecompressor().decompressobj().decompress(body),
    "identity": bytes,
}
PLAIN = {"accept-encoding": "identity"}
FRESH = ("cache-control", "public, max-age=60")
TEXT = b'{"title":"Kanga"},' * 100


def responding(body: bytes, *headers: tuple[str, str], status: int = 200) -> Script:
    async def respond(request: ReceivedRequest) -> None:
        await request.read_body()
        await request.respond(status, body, *headers)

    return respond


async def raw(
    gateway: RunningGateway, path: str, headers: dict[str, str], method: str = "GET"
) -> tuple[httpx.Response, bytes]:
    """The response, and its body still encoded."""
    async with gateway.client.stream(method, path, headers=headers) as response:
        return response, b"".join([piece async for piece in response.aiter_raw()])


async def test_a_response_of_a_kibibyte_is_compressed_for_clients_that_accept_it(
    gateway: RunningGateway, upstream: FakeUpstream
) -> None:
    upstream.scripts[ORDERS] = responding(TEXT, ("etag", '"v1"'))
    compressed, body = await raw(gateway, ORDERS, GZIP)
    plain, whole = await raw(gateway, ORDERS, PLAIN)

    assert gzip.decompress(body) == whole == TEXT
    assert compressed.headers["content-encoding"] == "gzip"
    assert compressed.headers["content-length"] == str(len(body))
    assert "content-encoding" not in plain.headers
    assert [compressed.headers["vary"], plain.headers["vary"]] == ["Accept-Encoding"] * 2
    # A weak ETag, because the bytes are not those of the service.
    assert [compressed.headers["etag"], plain.headers["etag"]] == ['W/"v1"', '"v1"']


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip", "gzip"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip, deflate, br", "br"),
        ("zstd;q=0.5, br;q=0.9, gzip; q=0.8", "br"),
        ("ZSTD;q=0.1, gzip;q=1", "gzip"),
        ("*", "zstd"),
        ("*;q=0.5, gzip", "gzip"),
        ("*, zstd;q=0, br; q=0.000", "gzip"),
        ("gzip;q=0", "identity"),
        ("*;q=0", "identity"),
        ("gzip;q=0.5, identity", "identity"),
        ("gzip;q=2, deflate", "identity"),
        ("gzip;level=9", "identity"),
        ("", "identity"),
    ],
)
async def test_the_client_gets_its_preferred_coding(
    gateway: RunningGateway, upstream: FakeUpstream, accepted: str, coding: str
) -> None:
    upstream.scripts[ORDERS] = responding(TEXT)
    response, body = await raw(gateway, ORDERS, {"accept-encoding": accepted})

    assert response.headers.get("content-encoding", "identity") == coding
    assert DECODE[coding](body) == TEXT


@pytest.mark.parametrize(
    "script",
    [
        responding(TEXT[:1023]),
        responding(zlib.compress(TEXT * 100), ("content-encoding", "deflate")),
        responding(TEXT, ("content-type", "image/png")),
        responding(TEXT, ("set-cookie", "a=b")),
        responding(TEXT, ("cache-control", "no-transform")),
        responding(TEXT, ("vary", "Accept-Encoding")),
        responding(TEXT, ("content-range", "bytes 0-1799/5000"), status=206),
    ],
    ids=["short", "encoded already", "an image", "with a cookie", "no-transform", "negotiated", "partial"],
)
async def test_responses_that_must_not_be_compressed_are_not_changed(
    gateway: RunningGateway, upstream: FakeUpstream, script: Script
) -> None:
    upstream.scripts[ORDERS] = script
    _, compressed = await raw(gateway, ORDERS, GZIP)
    _, plain = await raw(gateway, ORDERS, PLAIN)

    assert compressed == plain


async def test_responses_of_auth_are_never_compressed(gateway: RunningGateway, upstream: FakeUpstream) -> None:
    paths = [f"/api/v1/{name}" for name in ("auth/login", "auth/refresh", "users/me", "api-keys")]
    for path in paths:
        upstream.scripts[path] = responding(TEXT)
        response, body = await raw(gateway, path, GZIP)
        assert ("content-encoding" in response.headers, body) == (False, TEXT)


@pytest.mark.parametrize("coding", ["zstd", "br", "gzip"])
async def test_a_large_response_is_compressed_piece_by_piece(
    gateway: RunningGateway, upstream: FakeUpstream, coding: str
) -> None:
    whole = b"".join(b"line %d,%d\n" % (number, number * 7919) for number in range(200_000))
    upstream.scripts[ORDERS] = responding(whole, ("content-type", "text/csv"))
    response, body = await raw(gateway, ORDERS, {"accept-encoding": coding})

    assert (response.headers["content-encoding"], "content-length" in response.headers) == (coding, False)
    assert len(body) < len(whole) / 2
    assert DECODE[coding](body) == whole


async def test_event_streams_are_not_compressed(gateway: RunningGateway, upstream: FakeUpstream) -> None:
    async def events(request: ReceivedRequest) -> None:
        request.writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        request.writer.write(b"708\r\n" + TEXT + b"\r\n0\r\n\r\n")

    upstream.scripts[ORDERS] = events
    response, body = await raw(gateway, ORDERS, GZIP)

    assert ("content-encoding" in response.headers, body) == (False, TEXT)


async def test_a_cached_response_is_compressed_once_per_coding(
    gateway: RunningGateway, upstream: FakeUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    codings_used: list[str] = []

    async def counting(coding: Coding, body: bytes) -> bytes:
        codings_used.append(coding.name)
        # Other requests for the same arrive meanwhile.
        await asyncio.sleep(0.05)
        return await compress(coding, body)

    monkeypatch.setattr(variants, "compress", counting)
    upstream.scripts[PRODUCTS] = responding(TEXT, FRESH, ("etag", '"v1"'))
    codings = ["gzip", "identity", "gzip", "br", "zstd", "br", "zstd", "identity"]
    results = [await raw(gateway, PRODUCTS, {"accept-encoding": codings[0]})]
    results += await asyncio.gather(*(raw(gateway, PRODUCTS, {"accept-encoding": coding}) for coding in codings[1:]))
    results.append(await raw(gateway, PRODUCTS, {"accept-encoding": "zstd"}))

    assert [response.headers["x-cache"] for response, _ in results] == ["miss", *["hit"] * 8]
    assert [coded for coded, _ in _codings(results)] == [*codings, "zstd"]
    assert {response.headers["vary"] for response, _ in results} == {"Accept-Encoding"}
    assert [DECODE[coded](body) for coded, body in _codings(results)] == [TEXT] * 9
    assert sorted(codings_used) == ["br", "gzip", "zstd"]
    assert len(upstream.requests) == 1
    known, body = await raw(gateway, PRODUCTS, GZIP | {"if-none-match": results[0][0].headers["etag"]})
    assert (known.status_code, body, known.headers["vary"]) == (304, b"", "Accept-Encoding")


async def test_head_has_the_headers_of_the_compressed_get(gateway: RunningGateway, upstream: FakeUpstream) -> None:
    upstream.scripts[PRODUCTS] = responding(TEXT, FRESH)
    await raw(gateway, PRODUCTS, PLAIN)
    await raw(gateway, PRODUCTS, GZIP)
    got, _ = await raw(gateway, PRODUCTS, GZIP)
    head, body = await raw(gateway, PRODUCTS, GZIP, "HEAD")

    names = ("content-encoding", "content-length", "vary", "content-type")
    assert [head.headers[name] for name in names] == [got.headers[name] for name in names]
    assert body == b""


async def test_the_gateways_own_pages_are_compressed(open_gateway: OpenGateway) -> None:
    gateway = await open_gateway()
    compressed, body = await raw(gateway, "/docs/assets/swagger-ui-bundle.js", GZIP)
    _, whole = await raw(gateway, "/docs/assets/swagger-ui-bundle.js", PLAIN)

    assert compressed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(body) == whole


def _codings(results: list[tuple[httpx.Response, bytes]]) -> list[tuple[str, bytes]]:
    return [(response.headers.get("content-encoding", "identity"), body) for response, body in results]
