"""What stays of data about somebody who was erased: ids, numbers, times and states, as a record that it happened.

Everything is taken for personal that is not known to be harmless: an event that is new tomorrow loses too much rather
than too little. Texts become empty ones, so the data still has the shape that its contract wants.
"""

from collections.abc import Set as AbstractSet
from typing import Any
from uuid import UUID

OWNERS = ("user_id", "customer_id", "owner_id")
HARMLESS = frozenset(("status", "state", "currency", "number", "provider", "channel", "template", "topic", "code"))


def people_in(value: Any) -> set[str]:
    """Whom the data is about, as far down as it goes."""
    match value:
        case dict():
            own = {value[name] for name in OWNERS if isinstance(value.get(name), str)}
            return own.union(*map(people_in, value.values()))
        case list():
            return set().union(*map(people_in, value))
    return set()


def without(people: AbstractSet[str], value: Any) -> Any:
    """The data with each object in it anonymised that is about one of these people."""
    match value:
        case dict() if not people.isdisjoint(value.get(name) for name in OWNERS):
            return _anonymous(value)
        case dict():
            return {name: without(people, inner) for name, inner in value.items()}
        case list():
            return [without(people, inner) for inner in value]
    return value


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
