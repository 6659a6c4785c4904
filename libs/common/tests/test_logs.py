"""Log lines are JSON with the ids of their work, and show no credentials."""

import json
import logging
from typing import Any

import pytest

from common.context import Origin, use_origin
from common.logs import JsonFormatter, mask


def line(message: str, *args: object, **extra: object) -> dict[str, Any]:
    record = logging.LogRecord("orders.api", logging.INFO, __file__, 1, message, args, None)
    vars(record).update(extra)
    written: dict[str, Any] = json.loads(JsonFormatter().format(record))
    return written


def test_a_log_line_has_the_ids_of_the_request() -> None:
    with use_origin(Origin("req-12345", traceparent="00-" + "a" * 32 + "-" + "b" * 16 + "-01")):
        written = line("placed %d", 3, order="o-1")
    assert written["message"] == "placed 3"
    assert (written["request_id"], written["correlation_id"]) == ("req-12345", "req-12345")
    assert written["trace_id"] == "a" * 32
    assert written["order"] == "o-1"


def test_a_log_line_of_a_handler_names_the_event_that_caused_it() -> None:
    with use_origin(Origin("req-12345", causation_id="e-1")):
        written = line("handled")
    assert (written["correlation_id"], written["causation_id"]) == ("req-12345", "e-1")
    assert "request_id" not in written


@pytest.mark.parametrize(
    "secret",
    [
        "postgresql://orders:hunter22@db/orders",
        "Authorization: Bearer hunter22hunter22",
        "token eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJodW50ZXIyMiJ9.hunter22",
        "key dk_abc123_hunter22hunter22",
    ],
)
def test_credentials_are_masked_in_all_logs(secret: str) -> None:
    assert "hunter22" not in mask(secret)
    assert "hunter22" not in json.dumps(line("failed: %s", secret, url=secret))


def test_a_value_named_like_a_secret_is_masked() -> None:
    assert line("x", new_password="hunter22")["new_password"] == "***"
