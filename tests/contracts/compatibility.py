"""Whether a new version of an event's schema is compatible with consumers of the old one.

Optional fields may be added. Everything else (a field is removed, changes its type, becomes required or stops being
always present) breaks consumers: that needs a `.v2` beside the `.v1`.
"""

from collections.abc import Iterator
from typing import Any

WORDS_ONLY = frozenset(("$defs", "default", "description", "examples", "title"))

Schema = dict[str, Any]


def breaks(old: Schema, new: Schema) -> list[str]:
    """The incompatibilities of `new` for a consumer of `old`, one line each; empty if there are none."""
    return list(_compare("", _resolved(old, old), _resolved(new, new)))


def _compare(path: str, old: Any, new: Any) -> Iterator[str]:
    if not (isinstance(old, dict) and isinstance(new, dict)):
        if old != new:
            yield f"{path or 'the event'}: {old!r} became {new!r}"
        return
    for name in sorted((old.keys() | new.keys()) - {"properties", "required"}):
        yield from _compare(f"{path}/{name}", old.get(name), new.get(name))
    yield from _fields(path, old, new)


def _fields(path: str, old: Schema, new: Schema) -> Iterator[str]:
    before, after = old.get("properties", {}), new.get("properties", {})
    for name, field in before.items():
        if name not in after:
            yield f"{path}/{name}: is gone"
        else:
            yield from _compare(f"{path}/{name}", field, after[name])
    must_before, must_after = set(old.get("required", [])), set(new.get("required", []))
    yield from (f"{path}/{name}: is required now" for name in sorted(must_after - must_before))
    yield from (f"{path}/{name}: may be absent now" for name in sorted((must_before - must_after) & after.keys()))


def _resolved(node: Any, root: Schema) -> Any:
    """The schema with references resolved and without descriptions."""
    if isinstance(node, list):
        return [_resolved(item, root) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return _resolved(root["$defs"][node["$ref"].rsplit("/", 1)[-1]], root)
    resolved = {name: _resolved(value, root) for name, value in node.items() if name not in WORDS_ONLY | {"properties"}}
    if "properties" in node:
        # Names of fields are not keywords: a field may be called `title`.
        resolved["properties"] = {name: _resolved(field, root) for name, field in node["properties"].items()}
    return resolved
