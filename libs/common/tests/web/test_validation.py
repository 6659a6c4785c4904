"""Input that does not validate: what is rejected, how errors name it, and that nothing of it reaches the database."""

import json
from datetime import date, datetime
from typing import Annotated, Any, Literal, get_args
from uuid import UUID

import pytest
from fastapi import APIRouter, Form, Query, Request, Response, UploadFile
from httpx import AsyncClient
from pydantic import BaseModel, Field, HttpUrl
from pydantic_core import core_schema

from common.settings import ServiceSettings
from common.testing import TestIssuer
from common.testing.plugin import ClientFor, FreshDatabase
from common.web.dependencies import Caller
from common.web.fields import WHOLE, Day, Instant
from common.web.pagination import Page
from common.web.raw_json import json_response
from common.web.service import Service
from common.web.validation.checked_route import ignores_unknown_parameters
from common.web.validation.codes import CODES, meaning_of
from common.web.validation.json_body import MAX_DEPTH, parse_json, read_json

router = APIRouter()

Attribute = str | int | float | bool | list[str]


class Filters(BaseModel):
    category: str | None = None
    min_price: Annotated[int | None, Field(ge=0)] = None


class Line(BaseModel):
    quantity: Annotated[int, Field(ge=1), WHOLE]


class Order(BaseModel):
    lines: Annotated[list[Line], Field(max_length=3)] = []
    attributes: dict[str, Attribute] = {}
    name: Annotated[str, Field(min_length=2, max_length=5)] = "kanga"
    phone: Annotated[str, Field(pattern=r"^\+\d+$", examples=["+255712345678"])] | None = None
    size: Literal["s", "m"] | None = None
    day: Day | None = None
    at: Instant | None = None
    url: HttpUrl | None = None
    parent: "Order | None" = None
    note_id: UUID | None = Field(None, alias="noteId")


class Some(BaseModel):
    ids: Annotated[list[UUID], Field(min_length=1)]


class All(BaseModel):
    all: Literal[True]


@router.get("/orders")
async def get_orders(query: Annotated[Filters, Query()], page: Page, ids: Annotated[list[UUID], Query()] = []) -> str:  # noqa: B006
    return "listed"


@router.get("/orders/{order_id}")
async def get_order(order_id: UUID, caller: Caller, since: date | None = None, rate: float = 1.0) -> str:
    return str(order_id)


@router.post("/orders")
async def post_order(body: Order) -> str:
    return "placed"


@router.post("/read")
async def post_read(body: Some | All) -> str:
    return "read"


@router.post("/files")
async def post_file(file: UploadFile, visibility: Annotated[Literal["public", "private"], Form()] = "private") -> str:
    return "stored"


@router.get("/callback")
@ignores_unknown_parameters
async def get_callback(code: str = "") -> str:
    return code


async def fast_order(request: Request, _: str) -> Response | None:
    return json_response(b'"fast"') if read_json(Order, await request.body()) else None


@pytest.fixture
async def client(fresh_database: FreshDatabase, client_for: ClientFor) -> AsyncClient:
    service = Service("bazaar", ServiceSettings(), await fresh_database("common"), routers=[router])
    service.fast_posts = {"/orders": fast_order}
    return await client_for(service)


async def problems(client: AsyncClient, path: str, body: Any = None, status: int = 422) -> list[tuple[str | None, str]]:
    """Field and code of every error of the response."""
    content = body if isinstance(body, bytes | None) else json.dumps(body)
    headers = {"Content-Type": "application/json"}
    answer = await client.request("GET" if body is None else "POST", f"/api/v1{path}", content=content, headers=headers)
    assert answer.status_code == status, answer.text
    for word in ("pydantic", "Input should", "class '", "dictionary", "Value error", "[A-Z", "\\d"):
        assert word not in answer.text
    return [(each["field"], each["code"]) for each in answer.json()["errors"]]


async def test_an_unknown_query_parameter_is_named_each_once(client: AsyncClient) -> None:
    assert await problems(client, "/orders?categry=x&page=1&Ordering=&categry=y&%20") == [
        ("categry", "unknown_parameter"),
        ("Ordering", "unknown_parameter"),
        (" ", "unknown_parameter"),
    ]
    assert await problems(client, "/read?dry_run=1", {"all": True}) == [("dry_run", "unknown_parameter")]
    assert (await client.get("/api/v1/orders?category=x&page=1&page_size=5&min_price=3")).status_code == 200


async def test_the_fast_path_leaves_unknown_parameters_and_fields_to_the_route(client: AsyncClient) -> None:
    assert (await client.post("/api/v1/orders", json={})).text == '"fast"'
    assert await problems(client, "/orders?x=1", {}) == [("x", "unknown_parameter")]
    assert await problems(client, "/orders", {"nope": 1}) == [("nope", "unknown_field")]
    assert await problems(client, "/orders", b'{"name": "ab", "name": "ac"}', 400) == [("name", "malformed_json")]


async def test_a_route_may_ignore_what_others_add_to_its_query(client: AsyncClient) -> None:
    answer = await client.get("/api/v1/callback?code=abc&session_state=1&utm_source=mail")
    assert (answer.status_code, answer.json()) == (200, "abc")


async def test_who_may_not_call_a_route_does_not_learn_its_parameters(client: AsyncClient, tokens: TestIssuer) -> None:
    path = "/api/v1/orders/019c1f0c-7a10-7b3e-9f52-6a1f0c9d2e11?expand=lines"
    assert (await client.get(path)).status_code == 401
    assert (await client.get(path, headers=tokens.bearer())).status_code == 422


async def test_unknown_fields_are_named_at_any_depth(client: AsyncClient) -> None:
    body = {"nope": 1, "lines": [{"quantity": 1, "price": 2}], "parent": {"parent": {"x": 1}}, "note_id": None}
    assert await problems(client, "/orders", body) == [
        ("lines.0.price", "unknown_field"),
        ("parent.parent.x", "unknown_field"),
        ("nope", "unknown_field"),
        ("note_id", "unknown_field"),
    ]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ('{"name": "ab", "name": "ab"}', "name"),
        ('{"lines": [{"quantity": 1}, {"quantity": 1, "quantity": 1}]}', "lines.1.quantity"),
        ('{"attributes": {"a": 1, "\\u0061": 2}}', "attributes.a"),
        ('{"attributes": {"w": NaN}}', "attributes.w"),
        ('{"attributes": {"w": [1, -Infinity]}}', "attributes.w.1"),
        ('{"attributes": {"w": 1e999}}', "attributes.w"),
        ('{"attributes": {"w": ' + "9" * 5000 + "}}", "attributes.w"),
        ('{"name": "ab",}', None),
        ("{'name': 'ab'}", None),
        ("[" * 5000, None),
        ('{"parent":' * 5000, None),
        ('{"attributes":' + "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1) + "}", None),
        (b'{"name": "a\xff\xfe"}', None),
        (b'{"name": "\xed\xa0\x80"}', None),
        ('{"name": "ab"}'.encode("utf-16"), None),
        (b'{"name": "a\x00b"}', None),
        (b"   ", None),
    ],
)
async def test_json_that_parsers_read_differently_is_malformed(
    client: AsyncClient, body: str | bytes, field: str | None
) -> None:
    content = body if isinstance(body, bytes) else body.encode()
    assert await problems(client, "/orders", content, 400) == [(field, "malformed_json")]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b"[]", [(None, "wrong_type")]),
        (b"null", [(None, "wrong_type")]),
        (b'"text"', [(None, "wrong_type")]),
        (b"", [(None, "missing")]),
        (b'{"name": "a\\u0000b"}', [("name", "unstorable_value")]),
        (b'{"attributes": {"w": ["\\ud800"]}}', [("attributes.w.0", "unstorable_value")]),
        (b'{"attributes": {"\\udfff": 1}}', [("attributes", "unstorable_value")]),
        (b'{"attributes": {"a": {"a": 1}}}', [("attributes.a", "wrong_type")]),
        (b'{"attributes": {"str": {"str": 1}}}', [("attributes.str", "wrong_type")]),
        (b'{"attributes": {"a": [1]}}', [("attributes.a.0", "wrong_type")]),
        (b'{"attributes": {"a": null}}', [("attributes.a", "wrong_type")]),
        (b'{"name": "a", "size": "xl"}', [("name", "too_short"), ("size", "invalid_choice")]),
        (b'{"name": "abcdef", "phone": "0712"}', [("name", "too_long"), ("phone", "wrong_format")]),
        (b'{"day": "2000-02-31", "at": "2000-02-31T08:00:00Z"}', [("day", "invalid_date"), ("at", "invalid_time")]),
        (b'{"day": "yesterday", "at": 5}', [("day", "invalid_date"), ("at", "invalid_time")]),
        (b'{"noteId": "x", "url": "kanga"}', [("url", "invalid_url"), ("noteId", "invalid_uuid")]),
        (b'{"lines": [{"quantity": "1"}, {}]}', [("lines.0.quantity", "wrong_type"), ("lines.1.quantity", "missing")]),
        (b'{"lines": [{"quantity": 1}, {"quantity": 1}, {"quantity": 1}, {"quantity": 1}]}', [("lines", "too_long")]),
    ],
)  # fmt: skip
async def test_fields_are_named_as_the_client_wrote_them(
    client: AsyncClient, body: bytes, found: list[tuple[str | None, str]]
) -> None:
    assert await problems(client, "/orders", body) == found


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({}, [("ids", "missing"), ("all", "missing")]),
        ({"ids": ["x"]}, [("ids.0", "invalid_uuid")]),
        ({"ids": []}, [("ids", "too_short")]),
        ({"all": False}, [("all", "invalid_choice")]),
        ([], [(None, "wrong_type")]),
    ],
)
async def test_the_alternatives_of_a_body_are_not_named(
    client: AsyncClient, body: Any, found: list[tuple[str | None, str]]
) -> None:
    assert await problems(client, "/read", body) == found


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/orders?category=%00", [("category", "unstorable_value")]),
        ("/orders?category=a%ffb", [("category", "unstorable_value")]),
        ("/orders?min_price=99999999999999999999999", [("min_price", "too_large")]),
        ("/orders?min_price=" + "9" * 5000, [("min_price", "too_large")]),
        ("/orders?min_price=-1", [("min_price", "too_small")]),
        ("/orders?min_price=abc&page=0", [("page", "too_small"), ("min_price", "wrong_type")]),
        ("/orders?ids=%7B019c1f0c-7a10-7b3e-9f52-6a1f0c9d2e11%7D", [("ids", "invalid_uuid")]),
    ],
)
async def test_parameters_that_the_database_cannot_take_are_named(
    client: AsyncClient, path: str, found: list[tuple[str, str]]
) -> None:
    assert sorted(await problems(client, path)) == sorted(found)


@pytest.mark.parametrize(
    ("order_id", "query", "field"),
    [
        ("urn:uuid:019c1f0c-7a10-7b3e-9f52-6a1f0c9d2e11", "", "order_id"),
        ("%7B019c1f0c-7a10-7b3e-9f52-6a1f0c9d2e11%7D", "", "order_id"),
        ("019c1f0c7a107b3e9f526a1f0c9d2e11", "", "order_id"),
        ("42", "", "order_id"),
        ("a%00b", "", "order_id"),
        ("019C1F0C-7A10-7B3E-9F52-6A1F0C9D2E11", "?since=2000-02-31", "since"),
        ("019c1f0c-7a10-7b3e-9f52-6a1f0c9d2e11", "?rate=nan", "rate"),
        ("019c1f0c-7a10-7b3e-9f52-6a1f0c9d2e11", "?rate=1e999", "rate"),
    ],
)
async def test_ids_and_numbers_have_one_form(
    client: AsyncClient, tokens: TestIssuer, order_id: str, query: str, field: str
) -> None:
    answer = await client.get(f"/api/v1/orders/{order_id}{query}", headers=tokens.bearer())
    assert (answer.status_code, [each["field"] for each in answer.json()["errors"]]) == (422, [field])


async def test_a_message_has_words_for_people(client: AsyncClient) -> None:
    body = {"attributes": {"a": {}}, "phone": "0712", "size": "xl", "name": "", "url": "ftp://x"}
    answer = await client.post("/api/v1/orders", json=body)
    assert {each["field"]: each["message"] for each in answer.json()["errors"]} == {
        "attributes.a": "Should be a text, a number, true or false or a list",
        "phone": "Should look like +255712345678",
        "size": "Should be one of: s or m",
        "name": "Should have 2 or more characters",
        "url": "Should be a URL that begins with http or https",
    }


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Content-Type": "application/json; charset=latin1"}, "unsupported_media_type"),
        ({"Content-Type": "application/json", "Content-Encoding": "gzip"}, "unsupported_media_type"),
        ({"Content-Type": "text/plain"}, "unsupported_media_type"),
        ({}, "unsupported_media_type"),
        ({"Content-Type": "Application/JSON; charset=UTF-8"}, None),
    ],
)
async def test_a_body_in_another_form_is_415(client: AsyncClient, headers: dict[str, str], code: str | None) -> None:
    answer = await client.post("/api/v1/read", content=b'{"all": true}', headers=headers)
    assert (answer.status_code == 415, answer.json()["code"] if code else None) == (code is not None, code)


async def test_forms_name_their_fields_and_take_no_others(client: AsyncClient) -> None:
    file = {"file": ("a.txt", b"text")}

    async def answer(**request: Any) -> tuple[int, list[tuple[str | None, str]]]:
        response = await client.post("/api/v1/files", **request)
        assert "class" not in response.text
        errors = response.json()["errors"] if response.status_code != 200 else []
        return response.status_code, [(each["field"], each["code"]) for each in errors]

    assert await answer(files=file, data={"visibility": "public"}) == (200, [])
    assert await answer(files={"file": (None, "text")}) == (422, [("file", "wrong_type")])
    assert await answer(files={"other": ("a.txt", b"text")}) == (422, [("other", "unknown_field")])
    assert await answer(files=file, data={"visibility": "x"}) == (422, [("visibility", "invalid_choice")])
    assert await answer(data={"visibility": "public"}) == (422, [("file", "missing")])
    assert await answer(json={}) == (415, [(None, "unsupported_media_type")])
    assert await answer(content=b"x", headers={"Content-Type": "multipart/form-data"}) == (
        400,
        [(None, "malformed_form")],
    )


def test_every_error_of_pydantic_has_a_code_of_the_table() -> None:
    kinds = get_args(core_schema.ErrorType)
    meanings = {kind: meaning_of(kind, {}, "Input should be something of Python") for kind in kinds}
    assert {meaning.code for meaning in meanings.values()} <= CODES.keys()
    assert [kind for kind, meaning in meanings.items() if kind == meaning.code] == ["missing", "too_short", "too_long"]


def test_an_escaped_text_of_any_script_is_read() -> None:
    assert parse_json(b'{"a": "\\u00e9 \\ud83d\\ude00 \\\\u0000"}') == {"a": "é 😀 \\u0000"}
    assert parse_json("\ufeff[1, 1.5, 9007199254740993]".encode()) == [1, 1.5, 9007199254740993]
    deepest = "[" * MAX_DEPTH + "]" * MAX_DEPTH
    assert json.dumps(parse_json(deepest.encode())) == deepest


def test_a_time_is_read_as_before() -> None:
    order = read_json(Order, b'{"at": "2026-01-31T08:00:00Z", "day": "2026-01-31"}')
    assert order is not None
    assert (order.at, order.day) == (datetime.fromisoformat("2026-01-31T08:00:00+00:00"), date(2026, 1, 31))
