"""Public reads from the cache: asked once, the same for everybody, gone as soon as they may be wrong."""

import asyncio
import json
from typing import Any

import pytest

from common.contracts.catalog import AvailabilityChanged, CategoryDeleted, ProductDeleted
from common.contracts.event import Event
from common.ids import new_id
from common.testing import TestIssuer, eventually

from .behind import Behind, Script, Seen
from .conftest import Door, OpenDoor

PRODUCTS = "/api/v1/products"
ONE = "/api/v1/products/1"
FRESH = ("cache-control", "public, max-age=60, stale-while-revalidate=30")
TAG = ("etag", '"v1"')


def saying(body: bytes, *headers: tuple[str, str], status: int = 200) -> Script:
    async def answer(seen: Seen) -> None:
        await seen.read_body()
        await seen.answer(status, body, *headers)

    return answer


@pytest.fixture(autouse=True)
def shop(behind: Behind) -> None:
    behind.scripts[ONE] = saying(b'{"title":"Kanga"}', FRESH, TAG)
    behind.scripts[PRODUCTS] = saying(b"[1,2,3]", FRESH, TAG)


async def test_the_second_to_ask_is_answered_from_memory(door: Door, behind: Behind) -> None:
    first = await door.client.get(ONE)
    second = await door.client.get(ONE)

    assert [first.headers["x-cache"], second.headers["x-cache"]] == ["miss", "hit"]
    assert first.content == second.content == b'{"title":"Kanga"}'
    assert len(behind.seen) == 1
    assert "age" not in first.headers
    assert second.headers["age"] == "0"


async def test_an_answer_from_memory_is_as_complete_as_the_services(door: Door) -> None:
    first = await door.client.get(ONE)
    second = await door.client.get(ONE, headers={"x-request-id": "my-request-1", "origin": "http://localhost:3000"})

    own = {"age", "x-cache", "x-request-id", "traceparent", "date"}
    cors = {name for name in second.headers if name.startswith("access-control-")} | {"vary"}
    assert set(first.headers) - own == set(second.headers) - own - cors
    assert all(first.headers[name] == second.headers[name] for name in set(first.headers) - own)
    assert second.headers["x-request-id"] == "my-request-1"
    assert second.headers["access-control-allow-origin"] == "http://localhost:3000"
    assert "max-age=60" in second.headers["cache-control"]


async def test_a_client_that_has_it_gets_304(door: Door, behind: Behind) -> None:
    known = {"if-none-match": 'W/"v1", "v0"'}
    await door.client.get(ONE, headers=known)
    (seen,) = behind.seen
    again = await door.client.get(ONE, headers=known)
    other = await door.client.get(ONE, headers={"if-none-match": '"v0"'})

    # What is kept is the whole answer, so the whole is asked for.
    assert seen.one("if-none-match") is None
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", '"v1"')
    assert "content-type" not in again.headers
    assert "content-length" not in again.headers
    assert (other.status_code, other.content) == (200, b'{"title":"Kanga"}')
    assert len(behind.seen) == 1


async def test_head_is_answered_from_memory_and_leaves_none(door: Door, behind: Behind) -> None:
    before = await door.client.head(ONE)
    await door.client.get(ONE)
    after = await door.client.head(ONE)

    assert [seen.method for seen in behind.seen] == ["HEAD", "GET"]
    assert (before.headers["x-cache"], after.headers["x-cache"]) == ("miss", "hit")
    assert (after.content, after.headers["content-length"]) == (b"", "17")


async def test_a_slash_at_the_end_and_the_order_of_parameters_make_no_difference(door: Door, behind: Behind) -> None:
    for target in ("?page=1&search=a", "?search=a&page=1", "/?search=a&page=1"):
        await door.client.get(PRODUCTS + target)
    for target in ("?search=a&page=2", "?search=A&page=1", "?id=1&id=2", "?id=2&id=1"):
        await door.client.get(PRODUCTS + target)

    asked = [seen.target.removeprefix(PRODUCTS) for seen in behind.seen]
    assert asked == ["?page=1&search=a", "?search=a&page=2", "?search=A&page=1", "?id=1&id=2", "?id=2&id=1"]


async def test_those_who_ask_at_once_share_one_question(door: Door, behind: Behind) -> None:
    go = asyncio.Event()

    async def slowly(seen: Seen) -> None:
        await go.wait()
        await seen.answer(200, b"[]", FRESH)

    behind.scripts[PRODUCTS] = slowly
    asking = [asyncio.create_task(door.client.get(PRODUCTS)) for _ in range(20)]
    await eventually(lambda: _asked(behind, 1))
    go.set()

    assert sorted([(await answer).headers["x-cache"] for answer in asking]) == ["hit"] * 19 + ["miss"]
    assert len(behind.seen) == 1


async def test_those_who_wait_for_what_may_not_be_kept_ask_for_themselves(door: Door, behind: Behind) -> None:
    go = asyncio.Event()

    async def slowly(seen: Seen) -> None:
        await go.wait()
        await seen.answer(200, str(len(behind.seen)).encode(), ("cache-control", "private"))

    behind.scripts[PRODUCTS] = slowly
    asking = [asyncio.create_task(door.client.get(PRODUCTS)) for _ in range(5)]
    await eventually(lambda: _asked(behind, 1))
    go.set()

    assert [(await answer).status_code for answer in asking] == [200] * 5
    assert len(behind.seen) == 5


async def test_when_the_one_who_asked_leaves_another_asks(door: Door, behind: Behind) -> None:
    go = asyncio.Event()

    async def slowly(seen: Seen) -> None:
        await go.wait()
        await seen.answer(200, b"[]", FRESH)

    behind.scripts[PRODUCTS] = slowly
    left = asyncio.create_task(door.client.get(PRODUCTS))
    await eventually(lambda: _asked(behind, 1))
    staying = [asyncio.create_task(door.client.get(PRODUCTS)) for _ in range(3)]
    left.cancel()
    await eventually(lambda: _asked(behind, 2))
    go.set()

    assert [(await answer).status_code for answer in staying] == [200] * 3
    assert len(behind.seen) == 2


async def test_what_ends_one_ends_all_who_wait_for_it(door: Door, behind: Behind) -> None:
    go = asyncio.Event()

    async def cut(seen: Seen) -> None:
        await go.wait()
        seen.writer.transport.abort()

    behind.scripts[PRODUCTS] = cut
    asking = [asyncio.create_task(door.client.get(PRODUCTS)) for _ in range(5)]
    await eventually(lambda: _asked(behind, 1))
    go.set()

    assert [(await answer).json()["code"] for answer in asking] == ["bad_gateway"] * 5
    # A read is tried twice.
    assert len(behind.seen) == 2


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
async def test_what_is_not_said_to_be_public_and_fresh_is_not_kept(
    door: Door, behind: Behind, headers: list[tuple[str, str]]
) -> None:
    behind.scripts[ONE] = saying(b"{}", *headers)
    for _ in range(2):
        door.client.cookies.clear()
        assert (await door.client.get(ONE)).headers["x-cache"] == "miss"

    assert len(behind.seen) == 2


@pytest.mark.parametrize("status", [206, 301, 404, 410, 500, 503])
async def test_only_a_plain_success_is_kept(door: Door, behind: Behind, status: int) -> None:
    behind.scripts[ONE] = saying(b"{}", FRESH, status=status)
    for _ in range(2):
        assert (await door.client.get(ONE)).status_code == status

    assert len(behind.seen) == 2


async def test_an_answer_that_breaks_off_is_not_kept(door: Door, behind: Behind) -> None:
    async def half(seen: Seen) -> None:
        await seen.answer(200, b"[1,", FRESH, ("content-length", "100"))
        seen.writer.close()

    behind.scripts[PRODUCTS] = half
    await door.raw(f"GET {PRODUCTS} HTTP/1.1\r\nHost: shop\r\n\r\n".encode())
    behind.scripts[PRODUCTS] = saying(b"[1,2]", FRESH)

    assert (await door.client.get(PRODUCTS)).content == b"[1,2]"


async def test_credentials_pass_by_the_cache_in_both_directions(door: Door, behind: Behind, tokens: TestIssuer) -> None:
    async def personally(seen: Seen) -> None:
        who = seen.one("authorization") or "nobody"
        await seen.answer(200, who.encode(), FRESH)

    behind.scripts[ONE] = personally
    bearer = tokens.bearer()
    for headers in (bearer, {"cookie": "session=1"}, {}, bearer, {"cookie": "session=2"}, {}):
        sent = await door.client.get(ONE, headers=headers)
        assert sent.text == headers.get("Authorization", "nobody")

    assert len(behind.seen) == 5


async def test_a_part_is_neither_kept_nor_cut_out(door: Door, behind: Behind) -> None:
    for _ in range(2):
        await door.client.get(ONE, headers={"range": "bytes=0-1"})
    await door.client.get(ONE)
    await door.client.get(ONE, headers={"range": "bytes=0-1"})

    assert [seen.one("range") for seen in behind.seen] == ["bytes=0-1", "bytes=0-1", None, "bytes=0-1"]


async def test_what_an_answer_varies_with_is_respected(door: Door, behind: Behind) -> None:
    async def localised(seen: Seen) -> None:
        language = seen.one("accept-language") or "none"
        await seen.answer(200, language.encode(), FRESH, ("vary", "Accept-Language"))

    behind.scripts[ONE] = localised
    for language in ("sw", "sw", "en", "en", "sw"):
        sent = await door.client.get(ONE, headers={"accept-language": language})
        assert sent.text == language

    assert [seen.one("accept-language") for seen in behind.seen] == ["sw", "en", "sw"]


async def test_nothing_is_given_beyond_its_time(door: Door, behind: Behind) -> None:
    behind.scripts[ONE] = saying(b"{}", ("cache-control", "public, max-age=1, stale-while-revalidate=600"))
    await door.client.get(ONE)
    assert (await door.client.get(ONE)).headers["x-cache"] == "hit"

    async def is_asked_again() -> bool:
        return (await door.client.get(ONE)).headers["x-cache"] == "miss"

    await eventually(is_asked_again)


@pytest.mark.parametrize("route", ["products", "products/1", "products/1/stock", "categories"])
@pytest.mark.parametrize("status", [200, 201, 204, 500])
async def test_whoever_changed_something_sees_it_at_once(
    door: Door, behind: Behind, tokens: TestIssuer, route: str, status: int
) -> None:
    await door.client.get(ONE)
    await door.client.get(PRODUCTS)
    behind.scripts[f"/api/v1/{route}"] = saying(b"", status=status)
    await door.client.post(f"/api/v1/{route}", headers=tokens.bearer())
    behind.scripts[ONE] = saying(b"new", FRESH)
    behind.scripts[PRODUCTS] = saying(b"[new]", FRESH)

    assert ((await door.client.get(ONE)).text, (await door.client.get(PRODUCTS)).text) == ("new", "[new]")


async def test_a_change_whose_outcome_is_unknown_counts_as_one(door: Door, behind: Behind) -> None:
    await door.client.get(ONE)

    async def cut(seen: Seen) -> None:
        seen.writer.transport.abort()

    behind.scripts[PRODUCTS] = cut
    assert (await door.client.post(PRODUCTS)).status_code == 502

    assert (await door.client.get(ONE)).headers["x-cache"] == "miss"


async def test_a_refused_change_does_not_empty_the_cache(door: Door, behind: Behind) -> None:
    await door.client.get(ONE)
    behind.scripts[PRODUCTS] = saying(b"", status=401)
    await door.client.post(PRODUCTS)

    assert (await door.client.get(ONE)).headers["x-cache"] == "hit"


@pytest.mark.parametrize(
    "event",
    [
        ProductDeleted(product_id=new_id()),
        AvailabilityChanged(product_id=new_id(), in_stock=False),
        CategoryDeleted(category_id=new_id()),
    ],
    ids=lambda event: event.type,
)
async def test_a_change_that_came_another_way_is_heard_of(door: Door, event: Event) -> None:
    await door.client.get(ONE)
    door.transport.tell(event)

    assert (await door.client.get(ONE)).headers["x-cache"] == "miss"


async def test_what_was_asked_before_a_change_is_not_kept_after_it(door: Door, behind: Behind) -> None:
    go = asyncio.Event()

    async def slowly(seen: Seen) -> None:
        await go.wait()
        await seen.answer(200, b"old", FRESH)

    behind.scripts[ONE] = slowly
    asking = asyncio.create_task(door.client.get(ONE))
    await eventually(lambda: _asked(behind, 1))
    door.transport.tell(ProductDeleted(product_id=new_id()))
    go.set()
    assert (await asking).text == "old"
    behind.scripts[ONE] = saying(b"new", FRESH)

    assert (await door.client.get(ONE)).text == "new"


async def test_requests_in_one_go_are_answered_in_order_wherever_the_answers_come_from(
    door: Door, behind: Behind
) -> None:
    await door.client.get(ONE)
    behind.scripts["/api/v1/orders"] = saying(b"orders")
    kept = f"GET {ONE} HTTP/1.1\r\nHost: shop\r\n\r\n".encode()
    asked = b"GET /api/v1/orders HTTP/1.1\r\nHost: shop\r\n\r\n"
    answer = await door.raw(kept + asked + kept + kept + asked)

    places = [answer.index(body, at) for at, body in ((0, b"Kanga"), (0, b"orders"))]
    assert places == sorted(places)
    assert (answer.count(b"HTTP/1.1 200"), answer.count(b"Kanga"), answer.count(b"orders")) == (5, 3, 2)
    assert answer.index(b"orders") < answer.index(b"Kanga", places[0] + 1)
    assert answer.rindex(b"Kanga") < answer.rindex(b"orders")


async def test_a_request_in_pieces_is_answered_from_memory_too(door: Door) -> None:
    await door.client.get(ONE)
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
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
async def test_what_is_refused_is_refused_although_the_answer_is_at_hand(door: Door, head: bytes) -> None:
    await door.client.get(ONE)
    answer = await door.raw(b"GET " + ONE.encode() + b" HTTP/1.1\r\n" + head + b"\r\n")

    assert answer.startswith(b"HTTP/1.1 4"), answer
    assert b"Kanga" not in answer


@pytest.mark.parametrize("target", ["/api/v1/products/1#x", "/api/v1/products/1//", "//api/v1/products/1"])
async def test_an_odd_path_does_not_lead_to_a_kept_answer(door: Door, target: str) -> None:
    await door.client.get(ONE)
    answer = await door.raw(f"GET {target} HTTP/1.1\r\nHost: shop\r\n\r\n".encode())

    assert b"x-cache: hit" not in answer or target.endswith("#x")


async def test_a_body_on_a_get_does_not_confuse_what_follows(door: Door) -> None:
    await door.client.get(ONE)
    smuggled = b"GET /api/v1/users HTTP/1.1\r\nHost: shop\r\n\r\n"
    head = f"GET {ONE} HTTP/1.1\r\nHost: shop\r\nContent-Length: {len(smuggled)}\r\n\r\n".encode()
    answer = await door.raw(head + smuggled)

    assert answer.count(b"HTTP/1.1") == 1


async def test_a_client_that_does_not_read_is_not_given_more_and_more(door: Door, behind: Behind) -> None:
    behind.scripts[PRODUCTS] = saying(b"x" * 1_000_000, FRESH)
    await door.client.get(PRODUCTS)
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    request = f"GET {PRODUCTS} HTTP/1.1\r\nHost: shop\r\n\r\n".encode()
    writer.write(request * 50)
    received = 0
    while received < 50 * 1_000_000:
        received += len(await asyncio.wait_for(reader.read(1_000_000), 5))
    writer.close()

    assert len(behind.seen) == 1


async def test_an_answer_from_memory_is_limited_counted_and_logged(open_door: OpenDoor, behind: Behind) -> None:
    door = await open_door(
        mode="production", amqp_url="amqp://x", issuer="https://dukan.local", audience="dukan", ip_rate=1.0, ip_burst=4
    )
    answers = [await door.client.get(ONE) for _ in range(8)]

    hits = [answer for answer in answers if answer.headers.get("x-cache") == "hit"]
    assert hits
    assert all(hit.headers["ratelimit"].startswith('"ip";r=') for hit in hits)
    assert answers[-1].status_code == 429
    metrics = await door.client.get("/metrics")
    assert metrics.status_code in (200, 429)
    await eventually(lambda: _logged(door, len(hits) + 1))
    assert len(behind.seen) == 1


async def test_many_alike_from_memory_share_an_entry_of_the_log(door: Door) -> None:
    await door.client.get(ONE)
    for agent in ("a", "b") * 20:
        await door.client.get(ONE, headers={"user-agent": agent})
    await eventually(lambda: _logged(door, 41))

    entries = _entries(door)
    assert sum(entry["times"] for entry in entries) == 41
    assert {entry["user_agent"] for entry in entries} >= {"a", "b"}
    assert len(entries) < 41


def _entries(door: Door) -> list[dict[str, Any]]:
    batches = [json.loads(cloud_event.data)["requests"] for cloud_event in door.transport.published]
    return [entry for batch in batches for entry in batch if entry["path"] == ONE and entry["status"] == 200]


async def _logged(door: Door, times: int) -> bool:
    counted: int = sum(entry["times"] for entry in _entries(door))
    return counted == times


async def _asked(behind: Behind, times: int) -> bool:
    return len(behind.seen) >= times
