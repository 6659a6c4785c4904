"""What reaches a service's application, and what is answered before it, byte by byte on a socket."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from common.testing import eventually
from common.web.error_responses import error_response
from common.web.server_protocol import MAX_TARGET_BYTES, REJECTION, ServerProtocol

HEAD = b"POST /a HTTP/1.1\r\nHost: shop\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


@dataclass
class Echo:
    """Reads the body and answers with what it was called with, unless the path says when to answer."""

    port: int = 0
    go: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if REJECTION in scope:
            await error_response(scope[REJECTION])(scope, receive, send)
            return
        if scope["path"] == "/waits":
            await self.go.wait()
        body = b""
        while scope["path"] != "/early":
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        headers = [[name.decode(), value.decode()] for name, value in scope["headers"]]
        seen = {"path": scope["path"], "query": scope["query_string"].decode(), "headers": headers}
        answer = json.dumps(seen | {"body": body.decode()}).encode()
        length = [(b"content-length", str(len(answer)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": length})
        await send({"type": "http.response.body", "body": answer})

    async def raw(self, *pieces: bytes) -> bytes:
        """Everything that the server sends, until it closes or is silent, to a client that sends these segments."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.02)
        received = b""
        with contextlib.suppress(TimeoutError, ConnectionError):
            while piece := await asyncio.wait_for(reader.read(65536), 0.5):
                received += piece
        writer.close()
        return received

    async def seen(self, *pieces: bytes) -> list[dict[str, Any]]:
        """What the application was called with, request by request."""
        received = await self.raw(*pieces)
        assert received.count(b"HTTP/1.1 ") == received.count(b"HTTP/1.1 200"), received
        return [json.loads(part.partition(b"\r\n\r\n")[2]) for part in received.split(b"HTTP/1.1 ")[1:]]


@pytest.fixture
async def echo() -> AsyncIterator[Echo]:
    echo = Echo()
    config = uvicorn.Config(echo, port=0, lifespan="off", http=ServerProtocol, log_config=None, server_header=False)
    server = uvicorn.Server(config)
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]
    serving = asyncio.create_task(server.serve())

    async def has_started() -> bool:
        return server.started

    await eventually(has_started)
    echo.port = server.servers[0].sockets[0].getsockname()[1]
    yield echo
    echo.go.set()
    server.should_exit = True
    await serving


TRAILERS = [
    b"0\r\nX-Trailer: 1\r\n\r\n",
    b"3\r\nabc\r\n0\r\nX-Trailer: 1\r\nX-User-Id: 2\r\n\r\n",
    b"3;name=value\r\nabc\r\n0\r\nAuthorization: Bearer x\r\n\r\n",
    b"0\r\nHost: other\r\nContent-Type: text/plain\r\n\r\n",
]


@pytest.mark.parametrize("rest", TRAILERS)
@pytest.mark.parametrize("in_one_segment", [True, False])
async def test_trailer_fields_never_become_headers(echo: Echo, rest: bytes, in_one_segment: bool) -> None:
    after = b"GET /next HTTP/1.1\r\nHost: shop\r\n\r\n"
    pieces = [CHUNKED + rest + after] if in_one_segment else [CHUNKED, *(bytes([byte]) for byte in rest), after]
    first, second = await echo.seen(*pieces)

    assert first["headers"] == [["host", "shop"], ["transfer-encoding", "chunked"]]
    assert second["headers"] == [["host", "shop"]]


@pytest.mark.parametrize("value", [b"v", b" v", b"v ", b"\tv\t ", b" v \t"])
async def test_blanks_around_a_value_are_no_part_of_it(echo: Echo, value: bytes) -> None:
    [seen] = await echo.seen(b"GET / HTTP/1.1\r\nHost: shop\r\nX-A:" + value + b"\r\n\r\n")

    assert ["x-a", "v"] in seen["headers"]


@pytest.mark.parametrize(
    ("target", "path", "query", "host"),
    [
        (b"http://other/a?b=1", "/a", "b=1", "other"),
        (b"HTTPS://other:8443/a", "/a", "", "other:8443"),
        (b"http://[::1]:8000/a/b", "/a/b", "", "[::1]:8000"),
        (b"http://other", "/", "", "other"),
        (b"http://other?b=1", "/", "b=1", "other"),
        (b"/a?b=http://other/", "/a", "b=http://other/", "shop"),
    ],
)
async def test_the_authority_of_an_absolute_target_replaces_the_host(
    echo: Echo, target: bytes, path: str, query: str, host: str
) -> None:
    [seen] = await echo.seen(b"GET " + target + b" HTTP/1.1\r\nHost: shop\r\n\r\n")

    assert (seen["path"], seen["query"], seen["headers"]) == (path, query, [["host", host]])


@pytest.mark.parametrize("target", [b"ftp://other/", b"http:/other", b"*", b"other:80", b"http://other/#a"])
async def test_a_target_of_another_form_is_rejected(echo: Echo, target: bytes) -> None:
    response = await echo.raw(b"GET " + target + b" HTTP/1.1\r\nHost: shop\r\n\r\n")

    assert response.startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize("target", [b"*", b"http://other"])
async def test_options_may_be_about_the_whole_server(echo: Echo, target: bytes) -> None:
    [seen] = await echo.seen(b"OPTIONS " + target + b" HTTP/1.1\r\nHost: shop\r\n\r\n")

    assert seen["path"] == "*"


@pytest.mark.parametrize("length", [MAX_TARGET_BYTES + 1, 70_000, 100_000])
@pytest.mark.parametrize("start", [b"/a", b"/a?b=", b"http://other/a?b="])
async def test_a_long_target_is_uri_too_long(echo: Echo, start: bytes, length: int) -> None:
    target = start + b"x" * (length - len(start))
    response = await echo.raw(b"GET " + target + b" HTTP/1.1\r\nHost: shop\r\n\r\n")

    assert response.startswith(b"HTTP/1.1 414")
    assert b'"code":"uri_too_long"' in response


async def test_a_target_at_the_limit_is_served(echo: Echo) -> None:
    [seen] = await echo.seen(b"GET /" + b"x" * (MAX_TARGET_BYTES - 1) + b" HTTP/1.1\r\nHost: shop\r\n\r\n")

    assert len(seen["path"]) == MAX_TARGET_BYTES


@pytest.mark.parametrize("method", [b"FOO", b"get", b"GETT", b"X-Y", b"Post", b"VIEW"])
@pytest.mark.parametrize("before", [b"", b"GET /early HTTP/1.1\r\nHost: shop\r\n\r\n"])
async def test_an_unknown_method_is_not_implemented(echo: Echo, method: bytes, before: bytes) -> None:
    response = await echo.raw(before + method + b" /a HTTP/1.1\r\nHost: shop\r\n\r\n")

    last = response[response.rindex(b"HTTP/1.1 ") :]
    assert last.startswith(b"HTTP/1.1 501"), response
    assert b'"code":"method_not_implemented"' in last


async def test_a_tunnel_is_not_opened(echo: Echo) -> None:
    response = await echo.raw(b"CONNECT other:443 HTTP/1.1\r\nHost: other:443\r\n\r\n")

    assert response.startswith(b"HTTP/1.1 405")
    assert b"\r\nallow: DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT\r\n" in response


@pytest.mark.parametrize("line", [b"GARBAGE", b"\x16\x03\x01\x00", b"GET /a", b"G@T / HTTP/1.1", b"GET / HTTP/9"])
async def test_what_is_not_http_gets_the_envelope_with_date_and_request_id(echo: Echo, line: bytes) -> None:
    response = await echo.raw(line + b"\r\nHost: shop\r\nX\x01: 1\r\n\r\n")

    head, _, body = response.partition(b"\r\n\r\n")
    headers = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:])
    assert head.startswith(b"HTTP/1.1 400")
    assert json.loads(body)["code"] == "malformed_request"
    assert json.loads(body)["request_id"].encode() == headers[b"x-request-id"]
    assert headers[b"date"].endswith(b"GMT")
    assert headers[b"cache-control"] == b"no-store"
    assert headers[b"connection"] == b"close"


async def test_an_error_waits_for_the_responses_to_earlier_requests(echo: Echo) -> None:
    waits = b"GET /waits HTTP/1.1\r\nHost: shop\r\n\r\n"
    asyncio.get_running_loop().call_later(0.2, echo.go.set)
    response = await echo.raw(waits + waits + b"GARBAGE\r\n\r\n")

    assert [part[:3] for part in response.split(b"HTTP/1.1 ")[1:]] == [b"200", b"200", b"400"]


@pytest.mark.parametrize("path", [b"/early", b"/a"])
@pytest.mark.parametrize("before", [b"", b"GET /a HTTP/1.1\r\nHost: shop\r\n\r\n"])
async def test_a_request_with_a_broken_body_is_answered_once(echo: Echo, path: bytes, before: bytes) -> None:
    head = b"POST " + path + b" HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: chunked\r\n\r\n"
    response = await echo.raw(before + head, b"zz\r\nabc\r\n0\r\n\r\n")

    answers = [part[:3] for part in response.split(b"HTTP/1.1 ")[1:]]
    assert answers == [b"200"] * bool(before) + [b"200" if path == b"/early" else b"400"]


@pytest.mark.parametrize(
    "head",
    [
        b"CONNECT other:443 HTTP/1.1\r\nHost: other:443\r\n",
        b"GET /a HTTP/1.1\r\nHost: shop\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n",
        b"GET /a HTTP/1.1\r\nHost: shop\r\nConnection: Upgrade\r\nUpgrade: other/1\r\n",
    ],
)
async def test_the_connection_ends_after_an_upgrade_that_is_not_made(echo: Echo, head: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", echo.port)
    writer.write(head + b"\r\nGET /a HTTP/1.1\r\nHost: shop\r\n\r\n")
    async with asyncio.timeout(5):
        response = await reader.read()
    writer.close()

    assert response.count(b"HTTP/1.1 ") == 1
    assert b"\r\nconnection: close\r\n" in response
