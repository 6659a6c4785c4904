"""Events stay compatible with their consumers."""

from copy import deepcopy
from typing import Any

import pytest

from common.contracts.all_events import all_events, schemas
from tests.contracts.compatibility import breaks

RENEW = "run `pytest tests/contracts --renew-golden` and commit what it writes"

MONEY = {"type": "object", "properties": {"amount": {"type": "integer"}}, "required": ["amount"]}
ORDER: dict[str, Any] = {
    "$defs": {"Money": MONEY},
    "title": "OrderPlaced",
    "type": "object",
    "properties": {
        "id": {"type": "string", "format": "uuid"},
        "title": {"type": "string", "title": "Title"},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
        "total": {"$ref": "#/$defs/Money"},
    },
    "required": ["id", "title", "total"],
}


@pytest.mark.parametrize("event_type", schemas())
def test_an_event_is_compatible_with_its_golden_schema(event_type: str, golden: dict[str, Any]) -> None:
    assert event_type in golden, f"{event_type} is new: {RENEW}"
    assert breaks(golden[event_type], schemas()[event_type]) == []
    assert golden[event_type] == schemas()[event_type], f"{event_type} was added to: {RENEW}"


def test_no_published_event_was_removed(golden: dict[str, Any]) -> None:
    assert set(golden) == {event.type for event in all_events()}


def _change(**changes: Any) -> dict[str, Any]:
    return deepcopy(ORDER) | changes


def _fields(**fields: Any) -> dict[str, Any]:
    return _change(properties=ORDER["properties"] | fields)


def test_optional_fields_may_be_added_and_descriptions_may_change() -> None:
    assert breaks(ORDER, _fields(weight={"type": "integer", "default": 0})) == []
    assert breaks(ORDER, _change(title="Placed", description="Other words.")) == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (_fields(id={"type": "integer"}), ["/id/format: 'uuid' became None", "/id/type: 'string' became 'integer'"]),
        (_fields(note={"type": "string"}), ["/note/anyOf: [{'type': 'string'}, {'type': 'null'}] became None",
                                            "/note/type: None became 'string'"]),
        (_change(required=["id", "title", "total", "note"]), ["/note: is required now"]),
        (_change(required=["id", "total"]), ["/title: may be absent now"]),
        (_change(properties={k: v for k, v in ORDER["properties"].items() if k != "note"}), ["/note: is gone"]),
        (_change(**{"$defs": {"Money": MONEY | {"properties": {}}}}), ["/total/amount: is gone"]),
    ],
)  # fmt: skip
def test_any_other_change_is_reported(changed: dict[str, Any], said: list[str]) -> None:
    assert breaks(ORDER, changed) == said
