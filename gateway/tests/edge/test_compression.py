"""Packed answers: for those who accept them, from where it is safe, and each kept one only once."""

import asyncio
import gzip
import zlib
from collections.abc import Callable

import brotli
import httpx
import pytest
import zstandard

from gateway import sharing
from gateway.compression import Coding, pack

from .behind import Behind, Script, Seen
from .conftest import Door, OpenDoor

PRODUCTS = "/api/v1/products"
ORDERS = "/api/v1/orders"
GZIP = {"accept-encoding": "compress;q=1.0, gzip;q=0.8"}
UNPACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.decompress,
    "br": brotli.decompress,
    "zstd": lambda body: zstandard.ZstdDecompressor().decompressobj().decompress(body),
    "identity": bytes,
}
PLAIN = {"accept-encoding": "identity"}
FRESH = ("cache-control", "public, max-age=60")
TEXT = b'{"title":"Kanga"},' * 100


def giving(body: bytes, *headers: tuple[str, str], status: int = 200) -> Script:
    async def answer(seen: Seen) -> None:
        await seen.read_body()
        await seen.answer(status, body, *headers)

    return answer


async def raw(door: Door, path: str, headers: dict[str, str], method: str = "GET") -> tuple[httpx.Response, bytes]:
    """The answer and its body as it was sent."""
    async with door.client.stream(method, path, headers=headers) as answer:
        return answer, b"".join([piece async for piece in answer.aiter_raw()])


async def test_an_answer_of_a_kilobyte_is_packed_for_who_accepts_it(door: Door, behind: Behind) -> None:
    behind.scripts[ORDERS] = giving(TEXT, ("etag", '"v1"'))
    packed, body = await raw(door, ORDERS, GZIP)
    plain, whole = await raw(door, ORDERS, PLAIN)

    assert gzip.decompress(body) == whole == TEXT
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.headers["content-length"] == str(len(body))
    assert "content-encoding" not in plain.headers
    assert [packed.headers["vary"], plain.headers["vary"]] == ["Accept-Encoding"] * 2
    # The bytes are no longer those that the service tagged.
    assert [packed.headers["etag"], plain.headers["etag"]] == ['W/"v1"', '"v1"']


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
async def test_the_client_gets_what_it_likes_best(door: Door, behind: Behind, accepted: str, coding: str) -> None:
    behind.scripts[ORDERS] = giving(TEXT)
    answer, body = await raw(door, ORDERS, {"accept-encoding": accepted})

    assert answer.headers.get("content-encoding", "identity") == coding
    assert UNPACK[coding](body) == TEXT


@pytest.mark.parametrize(
    "script",
    [
        giving(TEXT[:1023]),
        giving(zlib.compress(TEXT * 100), ("content-encoding", "deflate")),
        giving(TEXT, ("content-type", "image/png")),
        giving(TEXT, ("set-cookie", "a=b")),
        giving(TEXT, ("cache-control", "no-transform")),
        giving(TEXT, ("vary", "Accept-Encoding")),
        giving(TEXT, ("content-range", "bytes 0-1799/5000"), status=206),
    ],
    ids=["short", "packed already", "an image", "with a cookie", "not to be changed", "negotiated", "a part"],
)
async def test_what_gains_nothing_or_must_stay_is_passed_as_it_is(door: Door, behind: Behind, script: Script) -> None:
    behind.scripts[ORDERS] = script
    _, packed = await raw(door, ORDERS, GZIP)
    _, plain = await raw(door, ORDERS, PLAIN)

    assert packed == plain


async def test_answers_that_may_hold_secrets_are_never_packed(door: Door, behind: Behind) -> None:
    paths = [f"/api/v1/{name}" for name in ("auth/login", "auth/refresh", "users/me", "api-keys")]
    for path in paths:
        behind.scripts[path] = giving(TEXT)
        answer, body = await raw(door, path, GZIP)
        assert ("content-encoding" in answer.headers, body) == (False, TEXT)


@pytest.mark.parametrize("coding", ["zstd", "br", "gzip"])
async def test_a_large_answer_is_packed_as_it_comes(door: Door, behind: Behind, coding: str) -> None:
    whole = b"".join(b"line %d,%d\n" % (number, number * 7919) for number in range(200_000))
    behind.scripts[ORDERS] = giving(whole, ("content-type", "text/csv"))
    answer, body = await raw(door, ORDERS, {"accept-encoding": coding})

    assert (answer.headers["content-encoding"], "content-length" in answer.headers) == (coding, False)
    assert len(body) < len(whole) / 2
    assert UNPACK[coding](body) == whole


async def test_events_are_not_held_back_to_be_packed(door: Door, behind: Behind) -> None:
    async def events(seen: Seen) -> None:
        seen.writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        seen.writer.write(b"708\r\n" + TEXT + b"\r\n0\r\n\r\n")

    behind.scripts[ORDERS] = events
    answer, body = await raw(door, ORDERS, GZIP)

    assert ("content-encoding" in answer.headers, body) == (False, TEXT)


async def test_a_kept_answer_is_packed_once_for_each_coding(
    door: Door, behind: Behind, monkeypatch: pytest.MonkeyPatch
) -> None:
    packings: list[str] = []

    async def counting(coding: Coding, body: bytes) -> bytes:
        packings.append(coding.name)
        # Others ask for the same meanwhile.
        await asyncio.sleep(0.05)
        return await pack(coding, body)

    monkeypatch.setattr(sharing, "pack", counting)
    behind.scripts[PRODUCTS] = giving(TEXT, FRESH, ("etag", '"v1"'))
    codings = ["gzip", "identity", "gzip", "br", "zstd", "br", "zstd", "identity"]
    asked = [await raw(door, PRODUCTS, {"accept-encoding": codings[0]})]
    asked += await asyncio.gather(*(raw(door, PRODUCTS, {"accept-encoding": coding}) for coding in codings[1:]))
    asked.append(await raw(door, PRODUCTS, {"accept-encoding": "zstd"}))

    assert [answer.headers["x-cache"] for answer, _ in asked] == ["miss", *["hit"] * 8]
    assert [coded for coded, _ in _coded(asked)] == [*codings, "zstd"]
    assert {answer.headers["vary"] for answer, _ in asked} == {"Accept-Encoding"}
    assert [UNPACK[coded](body) for coded, body in _coded(asked)] == [TEXT] * 9
    assert sorted(packings) == ["br", "gzip", "zstd"]
    assert len(behind.seen) == 1
    known, body = await raw(door, PRODUCTS, GZIP | {"if-none-match": asked[0][0].headers["etag"]})
    assert (known.status_code, body, known.headers["vary"]) == (304, b"", "Accept-Encoding")


async def test_head_tells_what_a_get_would_give(door: Door, behind: Behind) -> None:
    behind.scripts[PRODUCTS] = giving(TEXT, FRESH)
    await raw(door, PRODUCTS, PLAIN)
    await raw(door, PRODUCTS, GZIP)
    got, _ = await raw(door, PRODUCTS, GZIP)
    head, body = await raw(door, PRODUCTS, GZIP, "HEAD")

    told = ("content-encoding", "content-length", "vary", "content-type")
    assert [head.headers[name] for name in told] == [got.headers[name] for name in told]
    assert body == b""


async def test_the_gateways_own_pages_are_packed(open_door: OpenDoor) -> None:
    door = await open_door()
    packed, body = await raw(door, "/docs/assets/swagger-ui-bundle.js", GZIP)
    _, whole = await raw(door, "/docs/assets/swagger-ui-bundle.js", PLAIN)

    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(body) == whole


def _coded(asked: list[tuple[httpx.Response, bytes]]) -> list[tuple[str, bytes]]:
    return [(answer.headers.get("content-encoding", "identity"), body) for answer, body in asked]
