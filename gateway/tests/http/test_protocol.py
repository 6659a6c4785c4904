"""What holds for every response, whichever part of the gateway wrote it, and for connections with an unread body."""

import asyncio
import json
from email.utils import parsedate_to_datetime

import pytest
from fake_upstream import FakeUpstream
from gateway_harness import RunningGateway

from common import clock
from gateway.http import protocol

ORDERS = "/api/v1/orders"
REQUESTS = {
    "a service's response": f"GET {ORDERS} HTTP/1.1\r\nHost: shop\r\n\r\n",
    "a page": "GET /health/live HTTP/1.1\r\nHost: shop\r\n\r\n",
    "an unknown path": "GET /nothing HTTP/1.1\r\nHost: shop\r\n\r\n",
    "a malformed header": f"GET {ORDERS} HTTP/1.1\r\nHost: shop\r\nHost: other\r\n\r\n",
    "no HTTP": "GARBAGE\r\n\r\n",
    "an unknown method": f"FOO {ORDERS} HTTP/1.1\r\nHost: shop\r\n\r\n",
    "a method that no path has": f"PROPFIND {ORDERS} HTTP/1.1\r\nHost: shop\r\n\r\n",
    "a long URL": f"GET {ORDERS}?a={'b' * 70_000} HTTP/1.1\r\nHost: shop\r\n\r\n",
}


@pytest.mark.parametrize("request_text", REQUESTS.values(), ids=list(REQUESTS))
async def test_every_response_has_one_date_and_a_request_id(gateway: RunningGateway, request_text: str) -> None:
    response = await gateway.raw(request_text.encode())

    lines = response.partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
    headers = [(name.lower(), value) for name, _, value in (line.partition(": ") for line in lines)]
    [date] = [value for name, value in headers if name == "date"]
    assert abs((parsedate_to_datetime(date) - clock.now()).total_seconds()) < 60
    assert len([value for name, value in headers if name == "x-request-id"]) == 1


@pytest.mark.parametrize(
    ("request_text", "status", "code"),
    [
        (REQUESTS["a long URL"], 414, "uri_too_long"),
        (REQUESTS["an unknown method"], 501, "method_not_implemented"),
        (REQUESTS["a method that no path has"], 501, "method_not_implemented"),
    ],
)
async def test_an_error_of_the_request_line_is_an_envelope_with_the_request_id(
    gateway: RunningGateway, upstream: FakeUpstream, request_text: str, status: int, code: str
) -> None:
    response = await gateway.raw(request_text.encode())

    head, _, body = response.partition(b"\r\n\r\n")
    error = json.loads(body)
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert (error["status"], error["code"]) == ("error", code)
    assert f"\r\nx-request-id: {error['request_id']}\r\n".encode() in head + b"\r\n"
    assert upstream.requests == []


async def test_the_client_s_request_id_is_kept_for_a_long_url(gateway: RunningGateway) -> None:
    response = await gateway.client.get(f"{ORDERS}?a={'b' * 20_000}", headers={"x-request-id": "request-42"})

    assert (response.status_code, response.json()["request_id"]) == (414, "request-42")


async def test_a_service_gets_no_trailer_fields(gateway: RunningGateway, upstream: FakeUpstream) -> None:
    head = f"POST {ORDERS} HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: chunked\r\n\r\n"
    trailers = "X-Trailer: 1\r\nX-Forwarded-For: 10.0.0.1\r\nAuthorization: Bearer x\r\nCookie: a=1\r\n"
    await gateway.raw(f"{head}3\r\nabc\r\n0\r\n{trailers}\r\nGET {ORDERS} HTTP/1.1\r\nHost: shop\r\n\r\n".encode())

    assert [request.body for request in upstream.requests] == [b"abc", b""]
    for request in upstream.requests:
        assert [request.header(name) for name in ("x-trailer", "authorization", "cookie")] == [None, None, None]
        assert request.header("x-forwarded-for") == "127.0.0.1"


async def test_a_service_learns_the_host_of_an_absolute_target(gateway: RunningGateway, upstream: FakeUpstream) -> None:
    await gateway.raw(f"GET http://other:8443{ORDERS}?page=2 HTTP/1.1\r\nHost: shop\r\n\r\n".encode())

    [request] = upstream.requests
    assert (request.target, request.header("x-forwarded-host")) == (f"{ORDERS}?page=2", "other:8443")


@pytest.mark.parametrize("authority", ["", "user@other", "ot her", "other/../x@y", "other:80,shop"])
async def test_an_absolute_target_without_a_plain_host_is_rejected(
    gateway: RunningGateway, upstream: FakeUpstream, authority: str
) -> None:
    response = await gateway.raw(f"GET http://{authority}{ORDERS} HTTP/1.1\r\nHost: shop\r\n\r\n".encode())

    assert response.startswith(b"HTTP/1.1 4")
    assert upstream.requests == []


@pytest.mark.parametrize("framing", ["Content-Length: 1000000", "Transfer-Encoding: chunked"])
async def test_a_connection_is_closed_if_the_body_of_an_answered_request_does_not_end(
    gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch, framing: str
) -> None:
    monkeypatch.setattr(protocol, "UNREAD_BODY_SECONDS", 0.1)
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(f"POST /nothing HTTP/1.1\r\nHost: shop\r\n{framing}\r\n\r\n".encode())
    async with asyncio.timeout(5):
        response = await reader.read()
    writer.close()

    assert response.count(b"HTTP/1.1 ") == response.count(b"HTTP/1.1 404") == 1


async def test_a_body_that_ends_after_its_response_keeps_the_connection(gateway: RunningGateway) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(b"POST /nothing HTTP/1.1\r\nHost: shop\r\nContent-Length: 3\r\n\r\na")
    async with asyncio.timeout(5):
        await reader.readuntil(b"HTTP/1.1 404")
        writer.write(b"bcGET /health/live HTTP/1.1\r\nHost: shop\r\n\r\n")
        await reader.readuntil(b"HTTP/1.1 200")
    writer.close()


@pytest.mark.parametrize("rest", [b"0\r\nX-Endless: ", b"1;extension="])
async def test_endless_trailers_are_cut_off(gateway: RunningGateway, rest: bytes) -> None:
    head = f"POST {ORDERS} HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    response = await gateway.raw(head + rest + b"a" * (4 * protocol.MAX_HEAD_BYTES))

    assert response.startswith(b"HTTP/1.1 431") or response == b""
