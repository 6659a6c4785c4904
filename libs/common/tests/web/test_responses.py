"""Responses to clients: envelopes, statuses, ids, and no internal details."""

import json
import logging
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from httpx import AsyncClient

from common.ids import new_id
from common.testing import TestIssuer
from common.testing.documented_errors import UndocumentedError
from common.testing.plugin import ClientFor
from common.web.service import Service


async def test_a_success_response_is_an_envelope_without_empty_meta(client: AsyncClient) -> None:
    answer = await client.get("/api/v1/greeting")
    assert answer.status_code == 200
    assert answer.json() == {"status": "success", "message": "OK", "data": "hello", "errors": None}


async def test_an_error_response_has_code_field_and_detail(client: AsyncClient) -> None:
    answer = await client.get("/api/v1/fail/conflict", headers={"X-Request-ID": "request-42"})
    assert answer.status_code == 409
    assert answer.json() == {
        "status": "error",
        "message": "Taken",
        "data": None,
        "code": "orders.taken",
        "errors": [{"field": "items.0", "code": "orders.taken", "message": "Taken", "detail": {"left": 2}}],
        "request_id": "request-42",
    }


async def test_invalid_input_is_named_by_its_path_in_the_body(client: AsyncClient) -> None:
    answer = await client.post("/api/v1/baskets", json={"items": [{"quantity": 1}, {"quantity": 0}]})
    assert answer.status_code == 422
    body = answer.json()
    assert body["code"] == "invalid"
    assert [(problem["field"], problem["code"]) for problem in body["errors"]] == [("items.1.quantity", "too_small")]
    assert (await client.get("/api/v1/fail/no?depth=0")).json()["errors"][0]["field"] == "depth"


@pytest.mark.parametrize(
    ("content", "content_type", "status", "code"),
    [
        (b'{"items": [', "application/json", 400, "malformed_json"),
        (b"\xff\xfe", "application/json", 400, "malformed_json"),
        (b"items=1", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
        (b'{"items": []}', None, 415, "unsupported_media_type"),
        (b'{"items": [], "note": "a\\u0000b"}', "application/json", 422, "invalid"),
        (b'{"items": [], "note": "\\ud800"}', "application/json", 422, "invalid"),
        (b"[" * 4000, "application/json", 400, "malformed_json"),
    ],
)
async def test_an_unreadable_body_is_a_client_error(
    client: AsyncClient, content: bytes, content_type: str | None, status: int, code: str
) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    answer = await client.post("/api/v1/baskets", content=content, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/api/v1/nowhere", 404, "not_found"),
        ("/api/v1/fail/http", 418, "bad_request"),
        ("/api/v1/fail/slow", 503, "timeout"),
        ("/api/v1/fail/limited", 429, "rate_limited"),
        ("/api/v1/fail/outage", 503, "unavailable"),
        ("/api/v1/fail/duplicate", 409, "already_exists"),
        ("/api/v1/fail/deadlock", 503, "contention"),
    ],
)
async def test_every_error_response_is_an_envelope(
    client: AsyncClient, path: str, status: int, code: str | None
) -> None:
    answer = await client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["errors"][0]["field"] is None
    assert ("retry-after" in answer.headers) == (status in (429, 503))
    assert not any(secret in answer.text for secret in ("postgres.internal", "account_email", "process 1"))


async def test_a_wrong_method_gets_the_allowed_ones(client: AsyncClient) -> None:
    answer = await client.delete("/api/v1/greeting")
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS, PUT"


async def test_a_crash_is_logged_once_and_its_response_shows_no_details(
    client: AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await client.get("/api/v1/fail/crash")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "password" not in answer.text
    assert [record.message for record in caplog.records if record.exc_info] == ["unhandled error"]


async def test_a_trailing_slash_is_accepted_everywhere(client: AsyncClient) -> None:
    assert (await client.get("/api/v1/greeting/")).json()["data"] == "hello"
    assert (await client.post("/api/v1/baskets/", json={"items": []})).status_code == 200
    assert (await client.get("/health/live/")).status_code == 200


async def test_a_valid_request_id_is_kept(client: AsyncClient) -> None:
    assert (await client.get("/api/v1/greeting", headers={"X-Request-ID": "web-1.a_B"})).headers[
        "x-request-id"
    ] == "web-1.a_B"


@pytest.mark.parametrize("forged", ["short", "a" * 129, "evil id", "line\tbreak", '{"json":1}', "ünïcode-id"])
async def test_an_invalid_request_id_is_replaced(client: AsyncClient, forged: str) -> None:
    answer = await client.get("/api/v1/greeting", headers=[(b"X-Request-ID", forged.encode())])
    assert UUID(answer.headers["x-request-id"]).version == 7


async def test_a_trace_is_continued_and_an_invalid_one_replaced(client: AsyncClient) -> None:
    given = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    assert (await client.get("/api/v1/greeting", headers={"traceparent": given})).headers["traceparent"] == given
    for broken in ("00-" + "0" * 32 + "-b7ad6b7169203331-01", "nonsense", given + "-extra"):
        fresh = (await client.get("/api/v1/greeting", headers={"traceparent": broken})).headers["traceparent"]
        assert fresh not in (given, broken)
        assert len(fresh) == 55


async def test_a_body_above_the_limit_is_rejected_declared_or_streamed(client: AsyncClient, tokens: TestIssuer) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(30):
            yield b" " * 100

    big = json.dumps({"items": [], "note": "x" * 2000})
    headers = {"Content-Type": "application/json"} | tokens.bearer()
    declared = await client.post("/api/v1/orders", content=big, headers=headers)
    streamed = await client.post("/api/v1/orders", content=chunks(), headers=headers)
    assert (declared.status_code, declared.json()["code"]) == (413, "payload_too_large")
    assert (streamed.status_code, streamed.json()["code"]) == (413, "payload_too_large")
    assert (await client.post("/api/v1/baskets", content=big, headers=headers)).status_code == 200


async def test_internal_routes_stay_outside_the_public_prefix(client: AsyncClient) -> None:
    assert (await client.get("/internal/state")).json()["data"] == "inside"
    assert (await client.get("/api/v1/internal/state")).status_code == 404
    assert (await client.get("/.well-known/shop.json")).json() == {"shop": "open"}


async def test_metrics_count_by_route_template(client: AsyncClient) -> None:
    await client.get("/api/v1/fail/fine")
    metrics = (await client.get("/metrics")).text
    assert 'dukan_http_requests_total{method="GET",route="/fail/{how}",service="shop",status="200"}' in metrics
    assert "/fail/fine" not in metrics


async def test_the_access_log_names_route_and_user_but_no_path(
    client: AsyncClient, tokens: TestIssuer, caplog: pytest.LogCaptureFixture
) -> None:
    user_id = new_id()
    with caplog.at_level(logging.DEBUG, "dukan.access"):
        await client.get("/api/v1/me?token=hush", headers=tokens.bearer(user_id))
    record = next(record for record in caplog.records if record.name == "dukan.access")
    assert record.message == "GET /me 422"
    assert vars(record)["user_id"] == str(user_id)
    assert "hush" not in str(vars(record))


async def test_the_openapi_document_declares_errors_and_credentials(client: AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    order = document["paths"]["/api/v1/orders"]["post"]
    assert order["operationId"] == "shop.post_order"
    assert order["security"] == [{"bearer": []}]
    refusals = {"400", "401", "403", "409", "413", "415", "422", "429", "503"}
    assert set(order["responses"]) == {"202"} | refusals
    assert order["responses"]["409"] == {"$ref": "#/components/responses/Conflict"}
    assert order["description"] == "For any signed-in user. Not for API keys."
    assert document["paths"]["/api/v1/greeting"]["get"]["security"] == [{}, {"bearer": []}]
    assert document["paths"]["/api/v1/staff-room"]["get"]["security"] == [{"bearer": ["stock.manage"]}]
    assert document["components"]["securitySchemes"].keys() == {"bearer"}
    assert "/health/live" not in document["paths"]
    assert "HTTPValidationError" not in str(document)


async def test_a_test_client_raises_for_an_error_that_the_route_does_not_document(
    client_for: ClientFor, service: Service
) -> None:
    checked = await client_for(service)
    with pytest.raises(UndocumentedError, match=r"GET /api/v1/fail/conflict answers 409 orders\.taken"):
        await checked.get("/api/v1/fail/conflict")
