"""Malformed and hostile requests to the gateway and directly to a service.

Never a 500, never a hang, never another user's data, and the connection is closed or stays in sync.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from common.testing import eventually

from .bodies import json_bodies, texts_replaced
from .objects import World, world_of
from .platform import API, Customer, Platform
from .wire import GOOD, Received, say

pytestmark = pytest.mark.timeout(300)

SMUGGLED = b"GET /health/live?smuggled HTTP/1.1\r\nHost: shop\r\nX-Request-ID: smuggled-one\r\n\r\n"
CHUNKED_END = b"0\r\n\r\n"

FRAMINGS = {
    "length and chunks": b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG",
    "chunks and length": b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\n" + SMUGGLED + CHUNKED_END,
    "two lengths": b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n12345",
    "two lengths in one": b"Content-Length: 5, 5\r\n\r\n12345",
    "a signed length": b"Content-Length: +5\r\n\r\n12345",
    "a length below nothing": b"Content-Length: -5\r\n\r\n12345",
    "a length with a space in it": b"Content-Length: 5 5\r\n\r\n12345",
    "a length in hexadecimal": b"Content-Length: 0x5\r\n\r\n12345",
    "a length beyond any number": b"Content-Length: 99999999999999999999999\r\n\r\n12345",
    "an unknown coding": b"Transfer-Encoding: xchunked\r\n\r\n" + CHUNKED_END,
    "a coding after chunked": b"Transfer-Encoding: chunked, identity\r\n\r\n" + CHUNKED_END,
    "a coding with a tab": b"Transfer-Encoding:\tchunked\r\n\r\n" + CHUNKED_END,
    "a coding with a vertical tab": b"Transfer-Encoding: \x0bchunked\r\n\r\n" + CHUNKED_END,
    "a space before the colon": b"Transfer-Encoding : chunked\r\n\r\n" + CHUNKED_END,
    "a folded header": b"X-Folded: a\r\n Transfer-Encoding: chunked\r\n\r\n" + CHUNKED_END,
    "a bare line feed": b"X-Bare: a\nTransfer-Encoding: chunked\n\n" + CHUNKED_END,
    "a bare carriage return": b"X-Bare: a\rTransfer-Encoding: chunked\r\n\r\n" + CHUNKED_END,
    "a chunk size that is no number": b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n" + CHUNKED_END,
    "a chunk size with a sign": b"Transfer-Encoding: chunked\r\n\r\n+3\r\nabc\r\n" + CHUNKED_END,
    "a chunk size beyond any number": b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nabc\r\n" + CHUNKED_END,
    "a chunk that is longer than it says": b"Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n" + CHUNKED_END,
    "a chunk's extension": b"Transfer-Encoding: chunked\r\n\r\n3;a=\r\nabc\r\n" + CHUNKED_END,
    "trailers that would be headers": b"Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 50\r\nHost: x\r\n\r\n",
    "two hosts": b"Host: other\r\nContent-Length: 0\r\n\r\n",
    "a NUL in a header": b"X-Nul: a\x00b\r\nContent-Length: 0\r\n\r\n",
    "bytes that are no text in a header": b"X-Bytes: \xff\xfe\xc0\xaf\r\nContent-Length: 0\r\n\r\n",
    "a header without a name": b": nothing\r\nContent-Length: 0\r\n\r\n",
    "an expectation": b"Expect: 200-maybe\r\nContent-Length: 0\r\n\r\n",
}

LINES = {
    "an absolute target": b"GET http://evil.example/api/v1/users HTTP/1.1\r\nHost: shop\r\n\r\n",
    "another's authority": b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n",
    "a version of the future": b"GET / HTTP/3.0\r\nHost: shop\r\n\r\n",
    "no version": b"GET /\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a greeting of TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 100,
    "an unknown method": b"FROBNICATE / HTTP/1.1\r\nHost: shop\r\n\r\n",
    "tabs for spaces": b"GET\t/\tHTTP/1.1\r\nHost: shop\r\n\r\n",
    "a path of 200 kB": b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: shop\r\n\r\n",
    "10,000 headers": b"GET / HTTP/1.1\r\nHost: shop\r\n" + b"X-A: b\r\n" * 10_000 + b"\r\n",
    "a header of 1 MB": b"GET / HTTP/1.1\r\nHost: shop\r\nX-Big: " + b"a" * 1_000_000 + b"\r\n\r\n",
}

PATHS = [
    "/internal/revocations",
    "//internal/revocations",
    "/%2finternal/revocations",
    "/api/v1/../../internal/revocations",
    "/api/v1/%2e%2e/%2e%2e/internal/revocations",
    "/api/v1/auth/..%2f..%2f..%2finternal/revocations",
    "/api/v1/auth/..;/..;/..;/internal/revocations",
    "/api/v1/auth/..\\..\\..\\internal/revocations",
    "/api/v1/auth/%5c..%5c..%5cinternal/revocations",
    "/api/v1/auth/%252e%252e/%252e%252e/internal/revocations",
    "/api/v1/auth/%c0%ae%c0%ae/%c0%ae%c0%ae/internal/revocations",
    "/api/v1/auth/me/.././../users",
    "/api/v1/users/.",
    "/api/v1/users/..",
    "/api/v1/users%00",
    "/api/v1/products/%00",
    "/api/v1/products/%ff%fe",
    "/api/v1/products/%ed%a0%80",
    "/api/v1/products/%",
    "/api/v1/products/%u0041",
    "/api/v1/products/a%0d%0aX-Injected:%201",
    "/api/v1/products?search=%00",
    "/api/v1/products?search=%ff%fe",
    "/api/v1/products?search=%ed%a0%80",
    "/api/v1/products?page=" + "9" * 5000,
    "/api/v1/products?" + "&".join(f"search={n}" for n in range(2000)),
    "/.well-known/../internal/revocations",
    "/metrics/../internal/revocations",
]

SPOOFS = {
    "X-User-Id": "00000000-0000-0000-0000-000000000000",
    "X-User-Roles": "admin",
    "X-User": "admin",
    "X-Roles": "admin",
    "X-Auth-Request-User": "admin",
    "X-Authenticated-User": "admin",
    "X-Dukan-Identity": '{"roles": ["admin"]}',
    "X-Forwarded-For": "203.0.113.7",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-User": "admin",
    "X-Forwarded-Prefix": "/internal",
    "X_Forwarded_For": "203.0.113.8",
    "X-Real-IP": "203.0.113.9",
    "X-Client-IP": "203.0.113.10",
    "True-Client-IP": "203.0.113.11",
    "Forwarded": "for=203.0.113.12;host=evil.example",
    "X-Original-URL": "/api/v1/users",
    "X-Rewrite-URL": "/api/v1/users",
    "X-HTTP-Method-Override": "DELETE",
    "X-Original-Method": "DELETE",
    "Proxy": "http://evil.example",
}

RAW_BODIES = {
    "100,000 lists in each other": b"[" * 100_000 + b"]" * 100_000,
    "100,000 objects in each other": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "nothing": b"",
    "null": b"null",
    "a number": b"1",
    "a list": b"[]",
    "NaN": b'{"quantity": NaN, "amount": NaN, "delta": NaN, "price": {"amount": NaN}}',
    "infinity": b'{"quantity": -Infinity, "delta": Infinity, "price": {"amount": 1e999}}',
    "a number of 10,000 digits": b'{"quantity": %s, "delta": %s, "price": {"amount": %s}}' % ((b"9" * 10_000,) * 3),
    "a number of 1,000 digits after the point": b'{"quantity": 0.%s}' % (b"1" * 1000),
    "the same key twice": b'{"email": "a@example.com", "email": {"$ne": null}, "role": "customer", "role": "admin"}',
    "bytes that are no text": b'{"title": "\xff\xfe", "text": "\xc0\xaf"}',
    "UTF-16": '{"title": "a"}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"title": "a"}',
    "an end too early": b'{"title": "a',
    "two documents": b"{}{}",
    "a comment": b'{/* a */ "title": "a"}',
    "a key that is a prototype": b'{"__proto__": {"role": "admin"}, "constructor": {"name": "x"}}',
}

TEXTS = {
    "a NUL": "a\x00b",
    "half a pair of surrogates": "a\ud800b",
    "a text that turns around": "\u202e\u2066abc",
    "what a terminal obeys": "\x1b]0;x\x07\x9b31m",
    "a formula": '=HYPERLINK("http://evil.example")',
    "SQL": "'; DROP TABLE product; --",
    "a pattern": "%_\\%%%" + "(a+)+$",
    "100,000 characters": "a" * 100_000,
}

VALUES = ["\x00", "%", "\\", "'", "9" * 400, "-1", "0", "NaN", "1e400", "a" * 5000, "\U0010ffff"]
VALUES += ["0000-00-00T00:00:00Z", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "2026-02-30T00:00:00Z"]


@pytest.fixture(scope="module")
async def world(exposed: Platform) -> AsyncIterator[World]:
    """An administrator of its own, who may send all bodies and whom these change, owns everything."""
    known = await world_of(exposed, owner=await exposed.member("admin"))
    yield replace(known, ids={**known.ids, "user_id": (await exposed.customer()).id})
    # test_schema.py tries every operation as the administrator, who can deactivate itself unless it is the last one.
    deleted = await exposed.http.request("DELETE", f"{API}/auth/me", headers=_bearer(known.owner))
    assert deleted.status_code == 200, deleted.text


@pytest.fixture(scope="module")
async def document(exposed: Platform) -> Any:
    return (await exposed.http.get("/openapi.json")).json()


@pytest.fixture(autouse=True)
async def still_healthy(exposed: Platform) -> AsyncIterator[None]:
    yield

    async def healthy() -> bool:
        return (await exposed.http.get("/health")).status_code == 200

    await eventually(healthy, within=20)


def ports(platform: Platform) -> dict[str, int]:
    """The gateway, and a service without it."""
    return {"gateway": platform.port, "catalog": int(platform.url_of("catalog").rpartition(":")[2])}


def check(received: Received, *where: object) -> None:
    assert all(status < 500 or status in {501, 505} for status in received.statuses), (where, received.text[:500])
    assert received.is_in_sync, (where, received.text[:2000])
    assert b"smuggled-one" not in received.text, (where, received.text[:2000])


@pytest.mark.parametrize("shape", FRAMINGS)
async def test_a_body_with_ambiguous_length_is_rejected(exposed: Platform, shape: str) -> None:
    head = f"POST {API}/products HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\n".encode()
    for name, port in ports(exposed).items():
        received = await say(port, head + FRAMINGS[shape], GOOD)
        check(received, name, shape)
        assert all(status >= 400 for status in received.statuses[:1]), (name, received.text[:500])


@pytest.mark.parametrize("shape", LINES)
async def test_a_malformed_request_desynchronises_nothing(exposed: Platform, shape: str) -> None:
    for name, port in ports(exposed).items():
        received = await say(port, LINES[shape], GOOD)
        check(received, name, shape)
        assert b"evil.example" not in received.text


async def test_ambiguous_paths_are_not_found(exposed: Platform) -> None:
    admin = await exposed.admin()
    for path in PATHS:
        request = f"GET {path} HTTP/1.1\r\nHost: shop\r\nAuthorization: Bearer {admin.token}\r\n\r\n".encode("latin-1")
        received = await say(exposed.port, request, GOOD)
        check(received, path)
        assert b"session_id" not in received.text, path
        assert b"X-Injected" not in received.text, path
        if "internal" in path:
            assert received.statuses[0] in {400, 404}, (path, received.text[:300])


async def test_headers_neither_impersonate_nor_hide_a_client(exposed: Platform) -> None:
    customer = await exposed.customer()
    services = [exposed.url, exposed.url_of("auth")]
    async with httpx.AsyncClient(timeout=20, trust_env=False) as client:
        for base in services:
            headers = {"Authorization": f"Bearer {customer.token}"} | SPOOFS
            answer = await client.get(f"{base}{API}/auth/me", headers=headers)
            assert answer.status_code == 200, base
            assert answer.json()["data"]["id"] == customer.id
            assert answer.json()["data"]["role"] == "customer"
            assert (await client.get(f"{base}{API}/users", headers=headers)).status_code == 403
            assert (await client.get(f"{base}{API}/auth/me", headers=SPOOFS)).status_code == 401
    admin = await exposed.admin()

    async def logged() -> Any:
        return await admin.data("/analytics/requests", user_id=customer.id)

    assert {entry["ip"] for entry in await eventually(logged)} == {"127.0.0.1"}


async def test_a_body_above_the_limit_is_rejected_in_every_framing(exposed: Platform) -> None:
    head = f"POST {API}/auth/login HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\n".encode()
    piece = b"10000\r\n" + b"a" * 65536 + b"\r\n"
    declared = [head + b"Content-Length: 40000000\r\n\r\n", *[b"a" * 65536] * 610]
    streamed = [head + b"Transfer-Encoding: chunked\r\n\r\n", *[piece] * 610]
    for pieces in (declared, streamed):
        received = await say(exposed.port, *pieces)
        assert received.statuses in ([413], []), received.text[:300]
    for service in ("auth", "catalog"):
        port = int(exposed.url_of(service).rpartition(":")[2])
        received = await say(
            port, head + b"Connection: close\r\nContent-Length: 9000000\r\n\r\n", *[b"a" * 90_000] * 100
        )
        assert set(received.statuses) <= {404, 413}, received.text[:300]


async def test_a_slow_client_is_disconnected(exposed: Platform) -> None:
    post = f"POST {API}/auth/login HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\n".encode()
    slow = {
        "nothing at all": b"",
        "half a line": b"GET /heal",
        "headers without an end": b"GET /health HTTP/1.1\r\nHost: shop\r\nX-A: b\r\n",
        "half a body": post + b'Content-Length: 100\r\n\r\n{"email": ',
        "half a chunk": post + b'Transfer-Encoding: chunked\r\n\r\n64\r\n{"email": ',
    }
    received = await asyncio.gather(*(say(exposed.port, start) for start in slow.values()))
    assert {name: set(each.statuses) <= {408} for name, each in zip(slow, received, strict=True)} == dict.fromkeys(
        slow, True
    )


@pytest.mark.parametrize("shape", RAW_BODIES)
async def test_malformed_json_is_rejected_by_every_operation(
    exposed: Platform, world: World, document: Any, shape: str
) -> None:
    operations = list(json_bodies(document))
    assert len(operations) > 50
    async with asyncio.timeout(120):
        for method, path, _ in operations:
            answer = await send(exposed, world, method, path, RAW_BODIES[shape])
            assert answer.status_code < 500, (method, path, answer.text)
    await assert_signed_in(world)


@pytest.mark.parametrize("kind", TEXTS)
async def test_a_hostile_string_is_rejected_or_stored_in_every_field(
    exposed: Platform, world: World, document: Any, kind: str
) -> None:
    bodies = list(texts_replaced(document, world.ids, TEXTS[kind]))
    assert len(bodies) > 100
    for each in bodies:
        answer = await send(exposed, world, each.method, each.path, json.dumps(each.body).encode())
        assert answer.status_code < 500, (kind, each.method, each.path, each.place, answer.text)
    await assert_signed_in(world)


async def test_hostile_query_parameters_never_cause_an_error_500(
    exposed: Platform, world: World, document: Any
) -> None:
    queries = list(parameters(document))
    assert len(queries) > 50
    for path, name in queries:
        for value in VALUES:
            url = f"{_filled(path, world)}?{name}={quote(value)}"
            answer = await exposed.http.get(url, headers=_bearer(world.owner))
            assert answer.status_code < 500, (url, answer.text)
    await assert_signed_in(world)


async def assert_signed_in(world: World) -> None:
    """Otherwise the requests before were answered with 401 and reached no handler."""
    assert (await world.owner.get("/auth/me")).status_code == 200


def parameters(document: Any) -> Iterator[tuple[str, str]]:
    for path, item in document["paths"].items():
        for parameter in item.get("get", {}).get("parameters", ()):
            if parameter["in"] == "query":
                yield path, parameter["name"]


async def send(platform: Platform, world: World, method: str, path: str, body: bytes) -> httpx.Response:
    # What ends the caller's session is tried with another account.
    ends_session = "logout" in path or (method, path) == ("DELETE", f"{API}/auth/me")
    caller = await platform.customer() if ends_session else world.owner
    headers = _bearer(caller) | {"Content-Type": "application/json"}
    return await platform.http.request(method, _filled(path, world), content=body, headers=headers)


def _filled(path: str, world: World) -> str:
    return path.format(**world.ids, key=world.ids["product_id"], variant="thumb")


def _bearer(caller: Customer) -> dict[str, str]:
    return {"Authorization": f"Bearer {caller.token}"}
