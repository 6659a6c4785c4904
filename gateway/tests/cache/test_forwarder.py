"""Public reads: cached, coalesced, and purged as soon as they may be out of date."""

import asyncio
import json
from typing import Any

import pytest
from fake_upstream import FakeUpstream, ReceivedRequest, Script
from gateway_harness import OpenGateway, RunningGateway

from common.contracts.catalog import AvailabilityChanged, CategoryDeleted, ProductDeleted
from common.contracts.event import Event
from common.ids import new_id
from common.testing import TestIssuer, eventually
from gateway.cache import forwarder

PRODUCTS = "/api/v1/products"
ONE = "/api/v1/products/1"
FRESH = ("cache-control", "public, max-age=60, stale-while-revalidate=30")
TAG = ("etag", '"v1"')


def responding(body: bytes, *headers: tuple[str, str], status: int = 200) -> Script:
    async def respond(request: ReceivedRequest) -> None:
        await request.read_body()
        await request.respond(status, body, *headers)

    return respond


@pytest.fixture(autouse=True)
def products(upstream: FakeUpstream) -> None:
    upstream.scripts[ONE] = responding(b'{"title":"Kanga"}', FRESH, TAG)
    upstream.scripts[PRODUCTS] = responding(b"[1,2,3]", FRESH, TAG)


async def test_the_second_request_is_a_cache_hit(gateway: RunningGateway, upstream: FakeUpstream) -> None:
    first = await gateway.client.get(ONE)
    second = await gateway.client.get(ONE)

    assert [first.headers["x-cache"], second.headers["x-cache"]] == ["miss", "hit"]
    assert first.content == second.content == b'{"title":"Kanga"}'
    assert len(upstream.requests) == 1
    assert "age" not in first.headers
    assert second.headers["age"] == "0"


async def test_a_cached_response_has_the_same_headers(gateway: RunningGateway) -> None:
    first = await gateway.client.get(ONE)
    second = await gateway.client.get(ONE, headers={"x-request-id": "my-request-1", "origin": "http://localhost:3000"})

    own = {"age", "x-cache", "x-request-id", "traceparent", "date"}
    cors = {name for name in second.headers if name.startswith("access-control-")} | {"vary"}
    assert set(first.headers) - own == set(second.headers) - own - cors
    assert all(first.headers[name] == second.headers[name] for name in set(first.headers) - own)
    assert second.headers["x-request-id"] == "my-request-1"
    assert second.headers["access-control-allow-origin"] == "http://localhost:3000"
    assert "max-age=60" in second.headers["cache-control"]


async def test_a_matching_if_none_match_gets_304(gateway: RunningGateway, upstream: FakeUpstream) -> None:
    known = {"if-none-match": 'W/"v1", "v0"'}
    await gateway.client.get(ONE, headers=known)
    (request,) = upstream.requests
    again = await gateway.client.get(ONE, headers=known)
    other = await gateway.client.get(ONE, headers={"if-none-match": '"v0"'})

    # The cache stores the whole response, so the condition is not forwarded.
    assert request.header("if-none-match") is None
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", '"v1"')
    assert "content-type" not in again.headers
    assert "content-length" not in again.headers
    assert (other.status_code, other.content) == (200, b'{"title":"Kanga"}')
    assert len(upstream.requests) == 1


async def test_head_is_served_from_the_cache_and_stores_nothing(
    gateway: RunningGateway, upstream: FakeUpstream
) -> None:
    before = await gateway.client.head(ONE)
    await gateway.client.get(ONE)
    after = await gateway.client.head(ONE)

    assert [request.method for request in upstream.requests] == ["HEAD", "GET"]
    assert (before.headers["x-cache"], after.headers["x-cache"]) == ("miss", "hit")
    assert (after.content, after.headers["content-length"]) == (b"", "17")


async def test_a_trailing_slash_and_the_order_of_parameters_are_ignored(
    gateway: RunningGateway, upstream: FakeUpstream
) -> None:
    for target in ("?page=1&search=a", "?search=a&page=1", "/?search=a&page=1"):
        await gateway.client.get(PRODUCTS + target)
    for target in ("?search=a&page=2", "?search=A&page=1", "?id=1&id=2", "?id=2&id=1"):
        await gateway.client.get(PRODUCTS + target)

    targets = [request.target.removeprefix(PRODUCTS) for request in upstream.requests]
    assert targets == ["?page=1&search=a", "?search=a&page=2", "?search=A&page=1", "?id=1&id=2", "?id=2&id=1"]


async def test_concurrent_identical_requests_are_coalesced(gateway: RunningGateway, upstream: FakeUpstream) -> None:
    go = asyncio.Event()

    async def slowly(request: ReceivedRequest) -> None:
        await go.wait()
        await request.respond(200, b"[]", FRESH)

    upstream.scripts[PRODUCTS] = slowly
    pending = [asyncio.create_task(gateway.client.get(PRODUCTS)) for _ in range(20)]
    await eventually(lambda: _has_arrived(upstream, 1))
    go.set()

    assert sorted([(await response).headers["x-cache"] for response in pending]) == ["hit"] * 19 + ["miss"]
    assert len(upstream.requests) == 1


async def test_waiting_requests_are_forwarded_if_the_response_is_not_cacheable(
    gateway: RunningGateway, upstream: FakeUpstream
) -> None:
    go = asyncio.Event()

    async def slowly(request: ReceivedRequest) -> None:
        await go.wait()
        await request.respond(200, str(len(upstream.requests)).encode(), ("cache-control", "private"))

    upstream.scripts[PRODUCTS] = slowly
    pending = [asyncio.create_task(gateway.client.get(PRODUCTS)) for _ in range(5)]
    await eventually(lambda: _has_arrived(upstream, 1))
    go.set()

    assert [(await response).status_code for response in pending] == [200] * 5
    assert len(upstream.requests) == 5


async def test_another_request_is_forwarded_if_the_first_client_disconnects(
    gateway: RunningGateway, upstream: FakeUpstream
) -> None:
    go = asyncio.Event()

    async def slowly(request: ReceivedRequest) -> None:
        await go.wait()
        await request.respond(200, b"[]", FRESH)

    upstream.scripts[PRODUCTS] = slowly
    leaving = asyncio.create_task(gateway.client.get(PRODUCTS))
    await eventually(lambda: _has_arrived(upstream, 1))
    staying = [asyncio.create_task(gateway.client.get(PRODUCTS)) for _ in range(3)]
    leaving.cancel()
    await eventually(lambda: _has_arrived(upstream, 2))
    go.set()

    assert [(await response).status_code for response in staying] == [200] * 3
    assert len(upstream.requests) == 2


async def test_requests_do_not_wait_for_one_that_is_held_up(
    gateway: RunningGateway, upstream: FakeUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forwarder, "MAX_WAIT_SECONDS", 0.05)
    go = asyncio.Event()

    async def hold_up_the_first(request: ReceivedRequest) -> None:
        if request is upstream.requests[0]:
            await go.wait()
        await request.respond(200, b"[]", FRESH)

    upstream.scripts[PRODUCTS] = hold_up_the_first
    held_up = asyncio.create_task(gateway.client.get(PRODUCTS))
    await eventually(lambda: _has_arrived(upstream, 1))
    waiting = [await gateway.client.get(PRODUCTS) for _ in range(3)]

    assert [response.status_code for response in waiting] == [200] * 3
    assert [response.headers["x-cache"] for response in waiting] == ["miss", "hit", "hit"]
    assert not held_up.done()
    go.set()
    assert (await held_up).status_code == 200


WITH_A_BODY = {
    "chunked": b"Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n",
    "an empty chunked one": b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked, with a trailer": b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-Trailer: 1\r\n\r\n",
    "of a declared length": b"Content-Length: 5\r\n\r\nabcde",
}


@pytest.mark.parametrize("rest", WITH_A_BODY.values(), ids=list(WITH_A_BODY))
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_read_with_a_body_is_answered_once_and_not_from_the_cache(
    gateway: RunningGateway, upstream: FakeUpstream, method: str, rest: bytes
) -> None:
    await gateway.client.get(ONE)
    response = await gateway.raw(f"{method} {ONE} HTTP/1.1\r\nHost: shop\r\n".encode() + rest)

    assert response.count(b"HTTP/1.1 ") == 1
    assert response.startswith(b"HTTP/1.1 200")
    assert b"x-cache" not in response
    assert [request.method for request in upstream.requests] == ["GET", method]


@pytest.mark.parametrize("rest", WITH_A_BODY.values(), ids=list(WITH_A_BODY))
async def test_the_response_to_a_read_with_a_body_is_not_stored(
    gateway: RunningGateway, upstream: FakeUpstream, rest: bytes
) -> None:
    await gateway.raw(f"GET {ONE} HTTP/1.1\r\nHost: shop\r\n".encode() + rest)

    assert (await gateway.client.get(ONE)).headers["x-cache"] == "miss"


async def test_a_read_whose_body_never_ends_holds_up_nobody(gateway: RunningGateway, upstream: FakeUpstream) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    unfinished = b"Host: shop\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n"
    writer.write(f"GET {PRODUCTS} HTTP/1.1\r\n".encode() + unfinished)
    await writer.drain()
    others = await asyncio.gather(*(gateway.client.get(PRODUCTS) for _ in range(5)))
    writer.close()

    assert [other.status_code for other in others] == [200] * 5
    assert len(upstream.requests) == 1


async def test_pipelined_reads_with_and_without_bodies_are_answered_in_order(gateway: RunningGateway) -> None:
    await gateway.client.get(ONE)
    plain = f"GET {ONE} HTTP/1.1\r\nHost: shop\r\n\r\n".encode()
    chunked = f"GET {ONE} HTTP/1.1\r\nHost: shop\r\n".encode() + WITH_A_BODY["chunked"]
    response = await gateway.raw(plain + chunked + plain)

    assert response.count(b"HTTP/1.1 200") == response.count(b"HTTP/1.1 ") == 3
    assert response.count(b"x-cache: hit") == 2


async def test_an_error_is_returned_to_all_coalesced_requests(gateway: RunningGateway, upstream: FakeUpstream) -> None:
    go = asyncio.Event()

    async def cut(request: ReceivedRequest) -> None:
        await go.wait()
        request.writer.transport.abort()

    upstream.scripts[PRODUCTS] = cut
    pending = [asyncio.create_task(gateway.client.get(PRODUCTS)) for _ in range(5)]
    await eventually(lambda: _has_arrived(upstream, 1))
    go.set()

    assert [(await response).json()["code"] for response in pending] == ["bad_gateway"] * 5
    # A read is retried once.
    assert len(upstream.requests) == 2


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("cache-control", "max-age=60")],
        [("cache-control", "private, max-age=60")],
        [("cache-control", "public, no-store, max-age=60")],
        [("cache-control", "public, no-cache, max-age=60")],
        [("cache-control", "public, max-age=0")],
        [("cache-control", "public, max-age=60, s-maxage=0")],
        [("cache-control", "public, max-age=60"), ("age", "60")],
        [("cache-control", "public, max-age=-5")],
        [("cache-control", "public, max-age=60"), ("cache-control", "no-store")],
        [FRESH, ("set-cookie", "a=1")],
        [FRESH, ("vary", "*")],
    ],
)
async def test_responses_that_are_not_public_and_fresh_are_not_stored(
    gateway: RunningGateway, upstream: FakeUpstream, headers: list[tuple[str, str]]
) -> None:
    upstream.scripts[ONE] = responding(b"{}", *headers)
    for _ in range(2):
        gateway.client.cookies.clear()
        assert (await gateway.client.get(ONE)).headers["x-cache"] == "miss"

    assert len(upstream.requests) == 2


@pytest.mark.parametrize("status", [206, 301, 404, 410, 500, 503])
async def test_only_status_200_is_stored(gateway: RunningGateway, upstream: FakeUpstream, status: int) -> None:
    upstream.scripts[ONE] = responding(b"{}", FRESH, status=status)
    for _ in range(2):
        assert (await gateway.client.get(ONE)).status_code == status

    assert len(upstream.requests) == 2


async def test_a_truncated_response_is_not_stored(gateway: RunningGateway, upstream: FakeUpstream) -> None:
    async def half(request: ReceivedRequest) -> None:
        await request.respond(200, b"[1,", FRESH, ("content-length", "100"))
        request.writer.close()

    upstream.scripts[PRODUCTS] = half
    await gateway.raw(f"GET {PRODUCTS} HTTP/1.1\r\nHost: shop\r\n\r\n".encode())
    upstream.scripts[PRODUCTS] = responding(b"[1,2]", FRESH)

    assert (await gateway.client.get(PRODUCTS)).content == b"[1,2]"


async def test_requests_with_credentials_bypass_the_cache(
    gateway: RunningGateway, upstream: FakeUpstream, tokens: TestIssuer
) -> None:
    async def echo_credential(request: ReceivedRequest) -> None:
        credential = request.header("authorization") or "none"
        await request.respond(200, credential.encode(), FRESH)

    upstream.scripts[ONE] = echo_credential
    bearer = tokens.bearer()
    for headers in (bearer, {"cookie": "session=1"}, {}, bearer, {"cookie": "session=2"}, {}):
        sent = await gateway.client.get(ONE, headers=headers)
        assert sent.text == headers.get("Authorization", "none")

    assert len(upstream.requests) == 5


async def test_range_requests_bypass_the_cache(gateway: RunningGateway, upstream: FakeUpstream) -> None:
    for _ in range(2):
        await gateway.client.get(ONE, headers={"range": "bytes=0-1"})
    await gateway.client.get(ONE)
    await gateway.client.get(ONE, headers={"range": "bytes=0-1"})

    assert [request.header("range") for request in upstream.requests] == ["bytes=0-1", "bytes=0-1", None, "bytes=0-1"]


async def test_vary_is_respected(gateway: RunningGateway, upstream: FakeUpstream) -> None:
    async def echo_language(request: ReceivedRequest) -> None:
        language = request.header("accept-language") or "none"
        await request.respond(200, language.encode(), FRESH, ("vary", "Accept-Language"))

    upstream.scripts[ONE] = echo_language
    for language in ("sw", "sw", "en", "en", "sw"):
        sent = await gateway.client.get(ONE, headers={"accept-language": language})
        assert sent.text == language

    assert [request.header("accept-language") for request in upstream.requests] == ["sw", "en", "sw"]


async def test_a_stale_response_is_not_served(gateway: RunningGateway, upstream: FakeUpstream) -> None:
    upstream.scripts[ONE] = responding(b"{}", ("cache-control", "public, max-age=1, stale-while-revalidate=600"))
    await gateway.client.get(ONE)
    assert (await gateway.client.get(ONE)).headers["x-cache"] == "hit"

    async def is_forwarded_again() -> bool:
        return (await gateway.client.get(ONE)).headers["x-cache"] == "miss"

    await eventually(is_forwarded_again)


@pytest.mark.parametrize("route", ["products", "products/1", "products/1/stock", "categories"])
@pytest.mark.parametrize("status", [200, 201, 204, 500])
async def test_a_successful_write_purges_the_cache_before_its_response(
    gateway: RunningGateway, upstream: FakeUpstream, tokens: TestIssuer, route: str, status: int
) -> None:
    await gateway.client.get(ONE)
    await gateway.client.get(PRODUCTS)
    upstream.scripts[f"/api/v1/{route}"] = responding(b"", status=status)
    await gateway.client.post(f"/api/v1/{route}", headers=tokens.bearer())
    upstream.scripts[ONE] = responding(b"new", FRESH)
    upstream.scripts[PRODUCTS] = responding(b"[new]", FRESH)

    assert ((await gateway.client.get(ONE)).text, (await gateway.client.get(PRODUCTS)).text) == ("new", "[new]")


async def test_a_write_with_an_unknown_outcome_purges_the_cache(
    gateway: RunningGateway, upstream: FakeUpstream
) -> None:
    await gateway.client.get(ONE)

    async def cut(request: ReceivedRequest) -> None:
        request.writer.transport.abort()

    upstream.scripts[PRODUCTS] = cut
    assert (await gateway.client.post(PRODUCTS)).status_code == 502

    assert (await gateway.client.get(ONE)).headers["x-cache"] == "miss"


async def test_a_rejected_write_does_not_purge_the_cache(gateway: RunningGateway, upstream: FakeUpstream) -> None:
    await gateway.client.get(ONE)
    upstream.scripts[PRODUCTS] = responding(b"", status=401)
    await gateway.client.post(PRODUCTS)

    assert (await gateway.client.get(ONE)).headers["x-cache"] == "hit"


@pytest.mark.parametrize(
    "event",
    [
        ProductDeleted(product_id=new_id()),
        AvailabilityChanged(product_id=new_id(), in_stock=False),
        CategoryDeleted(category_id=new_id()),
    ],
    ids=lambda event: event.type,
)
async def test_an_event_about_a_change_purges_the_cache(gateway: RunningGateway, event: Event) -> None:
    await gateway.client.get(ONE)
    gateway.transport.tell(event)

    assert (await gateway.client.get(ONE)).headers["x-cache"] == "miss"


async def test_a_response_requested_before_a_purge_is_not_stored(
    gateway: RunningGateway, upstream: FakeUpstream
) -> None:
    go = asyncio.Event()

    async def slowly(request: ReceivedRequest) -> None:
        await go.wait()
        await request.respond(200, b"old", FRESH)

    upstream.scripts[ONE] = slowly
    pending = asyncio.create_task(gateway.client.get(ONE))
    await eventually(lambda: _has_arrived(upstream, 1))
    gateway.transport.tell(ProductDeleted(product_id=new_id()))
    go.set()
    assert (await pending).text == "old"
    upstream.scripts[ONE] = responding(b"new", FRESH)

    assert (await gateway.client.get(ONE)).text == "new"


async def test_pipelined_requests_are_answered_in_order_from_cache_and_service(
    gateway: RunningGateway, upstream: FakeUpstream
) -> None:
    await gateway.client.get(ONE)
    upstream.scripts["/api/v1/orders"] = responding(b"orders")
    cached = f"GET {ONE} HTTP/1.1\r\nHost: shop\r\n\r\n".encode()
    uncached = b"GET /api/v1/orders HTTP/1.1\r\nHost: shop\r\n\r\n"
    response = await gateway.raw(cached + uncached + cached + cached + uncached)

    places = [response.index(body, at) for at, body in ((0, b"Kanga"), (0, b"orders"))]
    assert places == sorted(places)
    assert (response.count(b"HTTP/1.1 200"), response.count(b"Kanga"), response.count(b"orders")) == (5, 3, 2)
    assert response.index(b"orders") < response.index(b"Kanga", places[0] + 1)
    assert response.rindex(b"Kanga") < response.rindex(b"orders")


async def test_a_request_in_pieces_is_served_from_the_cache(gateway: RunningGateway) -> None:
    await gateway.client.get(ONE)
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    for byte in f"GET {ONE} HTTP/1.1\r\nHost: shop\r\n\r\n".encode():
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0)
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    writer.close()

    assert b"x-cache: hit" in head


@pytest.mark.parametrize(
    "head",
    [
        b"Host: shop\r\nHost: other\r\n",
        b"Host: sh op\r\n",
        b"",
        b"Host: shop\r\nOrigin: a\r\nOrigin: b\r\n",
        b"Host: shop\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n",
    ],
)
async def test_malformed_requests_are_rejected_despite_a_cached_response(gateway: RunningGateway, head: bytes) -> None:
    await gateway.client.get(ONE)
    response = await gateway.raw(b"GET " + ONE.encode() + b" HTTP/1.1\r\n" + head + b"\r\n")

    assert response.startswith(b"HTTP/1.1 4"), response
    assert b"Kanga" not in response


@pytest.mark.parametrize("target", ["/api/v1/products/1#x", "/api/v1/products/1//", "//api/v1/products/1"])
async def test_a_malformed_path_is_not_served_from_the_cache(gateway: RunningGateway, target: str) -> None:
    await gateway.client.get(ONE)
    response = await gateway.raw(f"GET {target} HTTP/1.1\r\nHost: shop\r\n\r\n".encode())

    assert b"x-cache: hit" not in response or target.endswith("#x")


async def test_the_body_of_a_get_is_not_read_as_the_next_request(gateway: RunningGateway) -> None:
    await gateway.client.get(ONE)
    smuggled = b"GET /api/v1/users HTTP/1.1\r\nHost: shop\r\n\r\n"
    head = f"GET {ONE} HTTP/1.1\r\nHost: shop\r\nContent-Length: {len(smuggled)}\r\n\r\n".encode()
    response = await gateway.raw(head + smuggled)

    assert response.count(b"HTTP/1.1") == 1


async def test_cached_responses_wait_for_a_client_that_does_not_read(
    gateway: RunningGateway, upstream: FakeUpstream
) -> None:
    upstream.scripts[PRODUCTS] = responding(b"x" * 1_000_000, FRESH)
    await gateway.client.get(PRODUCTS)
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    request = f"GET {PRODUCTS} HTTP/1.1\r\nHost: shop\r\n\r\n".encode()
    writer.write(request * 50)
    received = 0
    while received < 50 * 1_000_000:
        received += len(await asyncio.wait_for(reader.read(1_000_000), 5))
    writer.close()

    assert len(upstream.requests) == 1


async def test_a_cached_response_is_rate_limited_and_logged(open_gateway: OpenGateway, upstream: FakeUpstream) -> None:
    gateway = await open_gateway(
        mode="production",
        metrics_port=0,
        amqp_url="amqp://x",
        issuer="https://dukan.local",
        audience="dukan",
        ip_rate=1.0,
        ip_burst=4,
    )
    responses = [await gateway.client.get(ONE) for _ in range(8)]

    hits = [response for response in responses if response.headers.get("x-cache") == "hit"]
    assert hits
    assert all(hit.headers["ratelimit"].startswith('"ip";r=') for hit in hits)
    assert responses[-1].status_code == 429
    metrics = await gateway.client.get("/metrics")
    assert metrics.status_code in (200, 429)
    await eventually(lambda: _logged(gateway, len(hits) + 1))
    assert len(upstream.requests) == 1


async def test_equal_cache_hits_share_an_entry_of_the_log(gateway: RunningGateway) -> None:
    await gateway.client.get(ONE)
    for agent in ("a", "b") * 20:
        await gateway.client.get(ONE, headers={"user-agent": agent})
    await eventually(lambda: _logged(gateway, 41))

    entries = _entries(gateway)
    assert sum(entry["times"] for entry in entries) == 41
    assert {entry["user_agent"] for entry in entries} >= {"a", "b"}
    assert len(entries) < 41


def _entries(gateway: RunningGateway) -> list[dict[str, Any]]:
    batches = [json.loads(cloud_event.data)["requests"] for cloud_event in gateway.transport.published]
    return [entry for batch in batches for entry in batch if entry["path"] == ONE and entry["status"] == 200]


async def _logged(gateway: RunningGateway, times: int) -> bool:
    counted: int = sum(entry["times"] for entry in _entries(gateway))
    return counted == times


async def _has_arrived(upstream: FakeUpstream, times: int) -> bool:
    return len(upstream.requests) >= times
