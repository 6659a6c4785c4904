"""Anonymising data about erased people: ids, numbers, times and states stay, as a record that something happened.

Any text is personal unless its field is known to be harmless: data of an event type that is added later loses too much
rather than too little. Texts become empty ones, so that the data still has the shape of its contract.
"""

import json
from collections.abc import Set as AbstractSet
from typing import Any
from uuid import UUID

OWNERS = ("user_id", "customer_id", "owner_id")
HARMLESS = frozenset(("status", "state", "currency", "number", "provider", "channel", "template", "topic", "code"))


def people_in(value: Any) -> set[str]:
    """The ids of the people whom the data is about, at any depth."""
    match value:
        case dict():
            own = {value[name] for name in OWNERS if isinstance(value.get(name), str)}
            return own.union(*map(people_in, value.values()))
        case list():
            return set().union(*map(people_in, value))
    return set()


def anonymise(value: Any, people: AbstractSet[str]) -> Any:
    """The data with each object anonymised that is about one of these people."""
    match value:
        case dict() if not people.isdisjoint(value.get(name) for name in OWNERS):
            return _anonymous(value)
        case dict():
            return {name: anonymise(inner, people) for name, inner in value.items()}
        case list():
            return [anonymise(inner, people) for inner in value]
    return value


def people_in_payload(payload: bytes) -> set[str]:
    """`people_in` for the bytes of an event's data; empty if they are not JSON."""
    return people_in(_parse(payload))


def anonymise_payload(payload: bytes, people: AbstractSet[str]) -> bytes:
    """`anonymise` for the bytes of an event's data; empty if they are not JSON, because their content is unknown."""
    content = _parse(payload)
    return b"" if content is None else json.dumps(anonymise(content, people)).encode()


def _parse(payload: bytes) -> Any:
    try:
        return json.loads(payload)
    except ValueError:
        return None


def _anonymous(value: Any, name: str = "") -> Any:
    match value:
        case dict():
            return {inner: _anonymous(content, inner) for inner, content in value.items()}
        case list():
            return [_anonymous(inner, name) for inner in value]
        case str() if not (name in HARMLESS or name.endswith("_at") or _is_id(value)):
            return ""
    return value


def _is_id(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
