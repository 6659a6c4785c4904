"""Files: ranges and conditional requests."""

import os
from email.utils import formatdate
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI, Request, Response

from common.errors import RangeNotSatisfiable
from common.web.error_responses import add_error_handlers
from common.web.files import MAX_RANGES, file_response, satisfiable_ranges
from common.web.request_rules import RequestRules

CONTENT = b"0123456789"
MODIFIED = 1_700_000_000
DATE = formatdate(MODIFIED, usegmt=True)
BEFORE, AFTER = formatdate(MODIFIED - 1, usegmt=True), formatdate(MODIFIED + 1, usegmt=True)


@pytest.fixture
def client(tmp_path: Path) -> httpx.AsyncClient:
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    os.utime(path, (MODIFIED + 0.5, MODIFIED + 0.5))
    app = FastAPI()
    add_error_handlers(app)
    app.add_middleware(RequestRules, max_body_bytes=100, body_limits={})

    @app.get("/file")
    async def get_file(request: Request) -> Response:
        return file_response(request, path, path.stat(), {"ETag": '"v1"', "Cache-Control": "private"}, "text/plain")

    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop")


@pytest.mark.parametrize(
    ("value", "body", "content_range"),
    [
        ("bytes=0-3", b"0123", "bytes 0-3/10"),
        ("Bytes=0-3", b"0123", "bytes 0-3/10"),
        ("bytes=5-", b"56789", "bytes 5-9/10"),
        ("bytes=-3", b"789", "bytes 7-9/10"),
        ("bytes=-99", CONTENT, "bytes 0-9/10"),
        ("bytes=8-99", b"89", "bytes 8-9/10"),
        ("bytes=0-0, 20-30", b"0", "bytes 0-0/10"),
        ("bytes= 2-3 ", b"23", "bytes 2-3/10"),
        ("bytes=,1-2,", b"12", "bytes 1-2/10"),
    ],
)
async def test_a_range_is_that_part_of_the_file(
    client: httpx.AsyncClient, value: str, body: bytes, content_range: str
) -> None:
    answer = await client.get("/file", headers={"Range": value})

    assert (answer.status_code, answer.content) == (206, body)
    assert (answer.headers["content-range"], answer.headers["content-length"]) == (content_range, str(len(body)))
    assert (answer.headers["etag"], answer.headers["accept-ranges"]) == ('"v1"', "bytes")


@pytest.mark.parametrize(
    "value",
    [
        "seconds=1-2",
        "items=0-5",
        "octets=0-3",
        "bytes",
        "bytes=",
        "bytes=abc",
        "bytes=3-1",
        "bytes=-",
        "bytes=1-2-3",
        "bytes=1-2,x",
        "bytes=+1-2",
        "bytes=1.5-2",
        "bytes=0-1;q=1",
        "0-3",
        ",".join(["bytes=0-1"] + ["0-1"] * MAX_RANGES),
    ],
)
async def test_another_unit_and_invalid_ranges_are_ignored(client: httpx.AsyncClient, value: str) -> None:
    answer = await client.get("/file", headers={"Range": value})

    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert "content-range" not in answer.headers


@pytest.mark.parametrize("value", ["bytes=10-", "bytes=10-20", "bytes=99-100, 200-", "bytes=-0"])
async def test_a_range_that_the_file_does_not_have_is_a_416(client: httpx.AsyncClient, value: str) -> None:
    answer = await client.get("/file", headers={"Range": value})

    assert (answer.status_code, answer.json()["code"]) == (416, "range_not_satisfiable")
    assert answer.headers["content-range"] == "bytes */10"


async def test_several_ranges_come_as_parts(client: httpx.AsyncClient) -> None:
    answer = await client.get("/file", headers={"Range": "bytes=0-1,8-9,50-"})

    assert answer.status_code == 206
    assert answer.headers["content-type"].startswith("multipart/byteranges; boundary=")
    assert b"bytes 0-1/10" in answer.content
    assert b"bytes 8-9/10" in answer.content


def test_an_empty_file_has_no_range() -> None:
    with pytest.raises(RangeNotSatisfiable):
        satisfiable_ranges("bytes=0-", 0)


async def test_head_ignores_ranges(client: httpx.AsyncClient) -> None:
    answer = await client.head("/file", headers={"Range": "bytes=0-3"})

    assert (answer.status_code, answer.headers["content-length"]) == (200, "10")


@pytest.mark.parametrize(
    ("if_range", "status"),
    [('"v1"', 206), (DATE, 206), ('W/"v1"', 200), ('"v2"', 200), (BEFORE, 200), (AFTER, 200), ("nonsense", 200)],
)
async def test_if_range_counts_for_this_version_only(client: httpx.AsyncClient, if_range: str, status: int) -> None:
    answer = await client.get("/file", headers={"Range": "bytes=0-3", "If-Range": if_range})

    assert answer.status_code == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"If-None-Match": '"v1"'}, 304),
        ({"If-None-Match": 'W/"v1"'}, 304),
        ({"If-None-Match": '"v0", W/"v1"'}, 304),
        ({"If-None-Match": "*"}, 304),
        ({"If-None-Match": '"v,0", "v1"'}, 304),
        ({"If-None-Match": '"v2"'}, 200),
        ({"If-None-Match": "v1"}, 200),
        ({"If-None-Match": '"x,v1"'}, 200),
        ({"If-Modified-Since": DATE}, 304),
        ({"If-Modified-Since": AFTER}, 304),
        ({"If-Modified-Since": "Tuesday, 14-Nov-23 22:13:20 GMT"}, 304),
        ({"If-Modified-Since": "Tue Nov 14 22:13:20 2023"}, 304),
        ({"If-Modified-Since": BEFORE}, 200),
        ({"If-Modified-Since": "nonsense"}, 200),
        ({"If-Modified-Since": "0"}, 200),
        ({"If-None-Match": '"v2"', "If-Modified-Since": AFTER}, 200),
        ({"If-None-Match": '"v1"', "If-Modified-Since": BEFORE}, 304),
        ({"If-None-Match": '"v1"', "Range": "bytes=0-3"}, 304),
        ({"If-Match": '"v1"'}, 200),
        ({"If-Match": "*"}, 200),
        ({"If-Match": '"v0", "v1"'}, 200),
        ({"If-Match": 'W/"v1"'}, 412),
        ({"If-Match": '"v2"'}, 412),
        ({"If-Unmodified-Since": DATE}, 200),
        ({"If-Unmodified-Since": BEFORE}, 412),
        ({"If-Unmodified-Since": "nonsense"}, 200),
        ({"If-Match": '"v1"', "If-Unmodified-Since": BEFORE}, 200),
    ],
)
async def test_conditions_are_checked_in_their_order(
    client: httpx.AsyncClient, headers: dict[str, str], status: int
) -> None:
    for method in ("GET", "HEAD"):
        answer = await client.request(method, "/file", headers=headers)
        assert answer.status_code == status
    if status == 304:
        assert (answer.content, answer.headers["etag"]) == (b"", '"v1"')
        assert "content-type" not in answer.headers
