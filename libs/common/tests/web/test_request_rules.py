"""HEAD, OPTIONS, media types and Cache-Control, alike on every path of a service."""

from collections.abc import AsyncIterator

import pytest
from fastapi import APIRouter, UploadFile
from fastapi.responses import StreamingResponse
from httpx import AsyncClient

from common.persistence.database import Database
from common.settings import ServiceSettings
from common.testing import TestIssuer
from common.testing.plugin import ClientFor
from common.web.envelope import Envelope, ok
from common.web.service import Service

BASKETS = "/api/v1/baskets"
PATHS = [
    "/api/v1/greeting",
    "/api/v1/greeting/",
    "/api/v1/pages?page=2",
    "/api/v1/me",
    "/api/v1/fail/conflict",
    "/api/v1/fail/crash",
    "/api/v1/nowhere",
    "/internal/state",
    "/.well-known/shop.json",
    "/health/live",
]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("signed_in", [True, False])
async def test_head_answers_like_get_without_a_body(
    client: AsyncClient, tokens: TestIssuer, path: str, signed_in: bool
) -> None:
    headers = {"X-Request-ID": "request-42"} | (tokens.bearer() if signed_in else {})
    get, head = await client.get(path, headers=headers), await client.head(path, headers=headers)

    assert (head.status_code, head.content) == (get.status_code, b"")
    assert {name: head.headers[name] for name in get.headers if name != "traceparent"} == {
        name: get.headers[name] for name in get.headers if name != "traceparent"
    }
    assert head.headers["content-length"] == str(len(get.content))


async def test_head_where_there_is_no_get_is_a_405(client: AsyncClient) -> None:
    answer = await client.head(BASKETS)
    assert (answer.status_code, answer.headers["allow"]) == (405, "OPTIONS, POST")


async def test_head_counts_under_the_route_s_template(client: AsyncClient) -> None:
    await client.head("/api/v1/fail/fine")
    metrics = (await client.get("/metrics")).text
    assert 'dukan_http_requests_total{method="HEAD",route="/fail/{how}",service="shop",status="200"}' in metrics


@pytest.mark.parametrize(
    ("path", "allow"),
    [
        ("/api/v1/greeting", "GET, HEAD, OPTIONS, PUT"),
        ("/api/v1/greeting/", "GET, HEAD, OPTIONS, PUT"),
        (BASKETS, "OPTIONS, POST"),
        ("/api/v1/fail/anything", "GET, HEAD, OPTIONS"),
        ("/api/v1/vault", "GET, HEAD, OPTIONS"),
        ("/health/live", "GET, HEAD, OPTIONS"),
    ],
)
async def test_options_names_the_methods_of_the_path(client: AsyncClient, path: str, allow: str) -> None:
    answer = await client.options(path)
    assert (answer.status_code, answer.headers["allow"], answer.content) == (204, allow, b"")


async def test_options_where_there_is_nothing_is_a_404(client: AsyncClient) -> None:
    answer = await client.options("/api/v1/nowhere")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(("method", "status"), [("TRACE", 405), ("DELETE", 405), ("PROPFIND", 501), ("PURGE", 501)])
async def test_a_method_is_unknown_or_not_allowed(client: AsyncClient, method: str, status: int) -> None:
    answer = await client.request(method, "/api/v1/greeting")
    code = {405: "method_not_allowed", 501: "method_not_implemented"}[status]
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers.get("allow") == ("GET, HEAD, OPTIONS, PUT" if status == 405 else None)


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "Application/JSON",
        "APPLICATION/JSON; charset=UTF-8",
        'application/json;charset="utf-8"',
        "application/json; CHARSET=utf8",
        "application/Merge-Patch+JSON",
        "application/json; profile=latin1",
    ],
)
async def test_media_types_have_no_case(client: AsyncClient, content_type: str) -> None:
    answer = await client.post(BASKETS, content=b'{"items": []}', headers={"Content-Type": content_type})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json; charset=latin1",
        "application/json;charset=ISO-8859-1",
        'Application/JSON; Charset="utf-16"',
        "application/problem+json; charset=windows-1252",
        "application/json; a=b; charset=x",
        "text/plain",
        "application/jsonp",
    ],
)
async def test_a_body_of_another_type_or_charset_is_a_415(client: AsyncClient, content_type: str) -> None:
    answer = await client.post(BASKETS, content=b'{"items": []}', headers={"Content-Type": content_type})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "br", "deflate", "zstd", "gzip, identity", "x"])
async def test_an_encoded_body_is_a_415(client: AsyncClient, coding: str) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": coding}
    answer = await client.post(BASKETS, content=b'{"items": []}', headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
    assert answer.headers["accept-encoding"] == "identity"
    plain = await client.post(BASKETS, content=b'{"items": []}', headers=headers | {"Content-Encoding": "identity"})
    assert plain.status_code == 200


@pytest.mark.parametrize("path", [path for path in PATHS if "document" not in path])
async def test_a_response_that_says_nothing_else_must_not_be_stored(client: AsyncClient, path: str) -> None:
    assert (await client.get(path)).headers.get_list("cache-control") == ["no-store"]


files = APIRouter()


@files.post("/files")
async def post_file(file: UploadFile) -> Envelope[int]:
    return ok(len(await file.read()))


@files.get("/numbers")
async def get_numbers() -> StreamingResponse:
    async def numbers() -> AsyncIterator[bytes]:
        while True:
            yield b"1"

    return StreamingResponse(numbers(), headers={"Cache-Control": "public, max-age=5"})


@pytest.fixture
async def files_client(client_for: ClientFor, database: Database) -> AsyncClient:
    return await client_for(Service("files", ServiceSettings(), database, routers=[files]), checks_errors=False)


@pytest.mark.parametrize("content_type", ["multipart/form-data", "Multipart/Form-Data", "MULTIPART/FORM-DATA"])
async def test_forms_have_no_case_and_their_boundary_has(files_client: AsyncClient, content_type: str) -> None:
    form = b'--Ab\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n123\r\n--Ab--\r\n'
    answer = await files_client.post(
        "/api/v1/files", content=form, headers={"Content-Type": f"{content_type}; boundary=Ab"}
    )
    assert (answer.status_code, answer.json()["data"]) == (200, 3)


async def test_head_of_an_endless_response_ends(files_client: AsyncClient) -> None:
    answer = await files_client.head("/api/v1/numbers")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers.get_list("cache-control") == ["public, max-age=5"]
