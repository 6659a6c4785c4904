"""What passes through the gateway, in both directions, and what does not."""

import gc
import gzip

import pytest
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from common.testing import eventually
from gateway.presence import Presence

from .behind import Behind, Seen
from .conftest import Door, OpenDoor

PRODUCTS = "/api/v1/products"


async def test_request_and_answer_pass_as_they_are(door: Door, behind: Behind) -> None:
    async def answer(seen: Seen) -> None:
        await seen.read_body()
        await seen.answer(
            418, b"short and stout", ("content-type", "text/tea"), ("set-cookie", "a=1"), ("set-cookie", "b=2")
        )

    behind.scripts[PRODUCTS] = answer
    sent = await door.client.post(
        f"{PRODUCTS}?search=a%20b&x=%2F",
        content=b"\x00\xff",
        headers={"content-type": "application/x-odd", "accept": "text/tea"},
    )

    (seen,) = behind.seen
    assert (seen.method, seen.target, seen.body) == ("POST", f"{PRODUCTS}?search=a%20b&x=%2F", b"\x00\xff")
    assert (seen.one("content-type"), seen.one("accept")) == ("application/x-odd", "text/tea")
    assert (sent.status_code, sent.content) == (418, b"short and stout")
    assert sent.headers["content-type"] == "text/tea"
    assert sent.headers.get_list("set-cookie") == ["a=1", "b=2"]


async def test_compressed_answers_and_redirects_are_left_alone(door: Door, behind: Behind) -> None:
    packed = gzip.compress(b"{}" * 100)

    async def answer(seen: Seen) -> None:
        await seen.answer(302, packed, ("content-encoding", "gzip"), ("location", "/elsewhere"))

    behind.scripts[PRODUCTS] = answer
    raw = await door.raw(f"GET {PRODUCTS} HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n".encode())

    assert raw.startswith(b"HTTP/1.1 302")
    assert raw.endswith(packed)
    assert len(behind.seen) == 1


@pytest.mark.parametrize("status", [200, 204, 304, 404, 500, 503])
async def test_the_services_own_status_is_untouched(door: Door, behind: Behind, status: int) -> None:
    async def answer(seen: Seen) -> None:
        length = () if status in (204, 304) else (("content-length", "2"),)
        await seen.answer(status, b"" if status in (204, 304) else b"{}", ("etag", '"1"'), *length)

    behind.scripts[PRODUCTS] = answer
    for _ in range(2):
        sent = await door.client.get(PRODUCTS)
        assert (sent.status_code, sent.headers["etag"]) == (status, '"1"')


async def test_a_head_request_gets_the_length_without_the_body(door: Door, behind: Behind) -> None:
    async def answer(seen: Seen) -> None:
        await seen.answer(200, b"", ("content-length", "1000000"))

    behind.scripts[PRODUCTS] = answer
    for _ in range(2):
        sent = await door.client.head(PRODUCTS)
        assert (sent.status_code, sent.headers["content-length"], sent.content) == (200, "1000000", b"")


async def test_connections_to_a_service_are_used_again(door: Door, behind: Behind) -> None:
    before = behind.connections
    for _ in range(20):
        await door.client.get(PRODUCTS)

    assert behind.connections <= before + 1


async def test_nothing_a_client_sends_passes_for_the_gateways_word(door: Door, behind: Behind) -> None:
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
    await door.client.get(PRODUCTS, headers=forged)

    (seen,) = behind.seen
    assert seen.one("x-forwarded-for") == "127.0.0.1"
    assert seen.one("x-forwarded-proto") == "http"
    assert seen.one("x-forwarded-host") == f"127.0.0.1:{door.port}"
    assert seen.one("x-harmless") == "1"
    ours = {"x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-harmless"}
    passed = {name for name, _ in seen.headers} & {name.lower() for name in forged} - ours
    assert passed == set()


async def test_a_trusted_proxys_word_is_taken(open_door: OpenDoor, behind: Behind) -> None:
    door = await open_door(trusted_proxies="127.0.0.0/8,10.0.0.0/8")
    headers = {"X-Forwarded-For": "6.6.6.6, 203.0.113.9, 10.1.2.3", "X-Forwarded-Proto": "https"}
    await door.client.get(PRODUCTS, headers=headers)

    (seen,) = behind.seen
    # The client is the nearest hop that is no proxy of ours: what came before it, anybody could have written. The
    # service hears of nobody else, so that it cannot come to another conclusion.
    assert seen.one("x-forwarded-for") == "203.0.113.9"
    assert seen.one("x-forwarded-proto") == "https"
    await eventually(lambda: _logged_ip(door, "203.0.113.9"))


async def test_what_a_service_says_about_itself_stays_inside(door: Door, behind: Behind) -> None:
    async def answer(seen: Seen) -> None:
        inner = (
            ("server", "secret/1.0"),
            ("x-powered-by", "x"),
            ("access-control-allow-origin", "*"),
            ("keep-alive", "1"),
        )
        await seen.answer(200, b"{}", ("x-request-id", "other"), *inner)

    behind.scripts[PRODUCTS] = answer
    sent = await door.client.get(PRODUCTS)

    assert {"server", "x-powered-by", "access-control-allow-origin", "keep-alive"} & set(sent.headers) == set()
    assert sent.headers.get_list("x-request-id") == [behind.seen[0].one("x-request-id")]
    assert sent.headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in sent.headers["content-security-policy"]


async def test_request_id_and_trace_are_carried_when_well_formed_and_made_when_not(door: Door, behind: Behind) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    kept = await door.client.get(PRODUCTS, headers={"X-Request-ID": "my-request-1", "traceparent": trace})
    made = await door.client.get(PRODUCTS, headers={"X-Request-ID": "bad id", "traceparent": "nonsense"})

    assert kept.headers["x-request-id"] == behind.seen[0].one("x-request-id") == "my-request-1"
    assert kept.headers["traceparent"] == behind.seen[0].one("traceparent") == trace
    assert made.headers["x-request-id"] == behind.seen[1].one("x-request-id") != "bad id"
    assert made.headers["traceparent"] == behind.seen[1].one("traceparent") != "nonsense"


@pytest.mark.parametrize(
    ("path", "there"),
    [("/api/v1/orders/", True), ("/.well-known/jwks.json", True), ("/api/v1/ordersX", False), ("/api/v1", False),
     ("/api/v1/internal/revocations", False), ("/internal/revocations", False), ("/nothing", False)],
)  # fmt: skip
async def test_only_what_the_table_lists_is_reached(door: Door, behind: Behind, path: str, there: bool) -> None:
    sent = await door.client.get(path)

    assert (sent.status_code == 200) == there
    assert bool(behind.seen) == there
    if not there:
        assert (sent.status_code, sent.json()["status"], sent.json()["code"]) == (404, "error", "not_found")
        assert sent.json()["request_id"] == sent.headers["x-request-id"]


async def _logged_ip(door: Door, ip: str) -> bool:
    return any(ip.encode() in cloud_event.data for cloud_event in door.transport.published)


async def test_a_request_leaves_nothing_for_the_collector_of_cycles(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would stop the gateway for as long as it looks: with a cycle in every request, 70 ms twice a second."""
    monkeypatch.setattr("gateway.presence.WATCH_AFTER", 0)
    await door.client.post("/api/v1/orders", json={})
    gc.collect()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        for _ in range(20):
            await door.client.post("/api/v1/orders", json={})
        gc.collect()
        left = [each for each in gc.garbage if isinstance(each, RequestResponseCycle | Presence)]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
    assert not left
