"""A whole example for a schema of an OpenAPI document, put together from the examples of its fields."""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from common.openapi.example_values import BY_FORMAT, VALUES

Schema = Mapping[str, Any]

REF = "#/components/schemas/"
NULL = {"type": "null"}
KINDS: Mapping[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
    "null": type(None),
}
BY_KIND: Mapping[str, Any] = {"string": "text", "integer": 1, "number": 1.5, "boolean": True, "null": None}


class Composer:
    """Examples for the schemas of one document, its components by name.

    Of a body that is `asked` for, what may be left out is left out, unless the field brings an example of its own or
    nothing would remain: a client should see first what it cannot do without.
    """

    def __init__(self, components: Mapping[str, Schema], *, asked: bool = False) -> None:
        self._components = components
        self._asked = asked

    def of(self, schema: Schema, name: str = "", within: tuple[str, ...] = ()) -> Any:
        """A value that the schema allows, as it would be in a field called `name`; `within` ends what contains
        itself."""
        if (component := _named(schema)) is not None:
            return None if component in within else self.of(self._components[component], name, (*within, component))
        if "examples" in schema:
            return schema["examples"][0]
        for value in VALUES.get(name, ()):
            if self._fits(schema, value):
                return value
        return self._composed(schema, name, within)

    def _composed(self, schema: Schema, name: str, within: tuple[str, ...]) -> Any:
        if "contentMediaType" in schema:
            return BY_FORMAT["binary"]
        for choice in self._choices(schema):
            return self.of(choice, name, within)
        if "const" in schema or "enum" in schema:
            return schema["const"] if "const" in schema else schema["enum"][0]
        match schema.get("type"):
            case "object":
                return {key: self.of(value, key, within) for key, value in self._shown(schema)}
            case "array":
                return self._item(schema.get("items", {}), name, within)
        return BY_FORMAT.get(schema.get("format", ""), BY_KIND.get(schema.get("type", "string")))

    def _item(self, items: Schema, name: str, within: tuple[str, ...]) -> list[Any]:
        return [] if _named(items) in within else [self.of(items, name.removesuffix("s"), within)]

    def _choices(self, schema: Schema) -> Iterator[Schema]:
        """The first that is not null, of several."""
        for kind in ("anyOf", "oneOf", "allOf"):
            yield from (choice for choice in schema.get(kind, ()) if choice != NULL)

    def _shown(self, schema: Schema) -> Iterator[tuple[str, Schema]]:
        properties: Mapping[str, Schema] = schema.get("properties", {})
        needed = {name for name in properties if name in schema.get("required", ()) or "examples" in properties[name]}
        for name, value in properties.items():
            if not self._asked or not needed or name in needed:
                yield name, value

    def _fits(self, schema: Schema, value: Any) -> bool:
        if (component := _named(schema)) is not None:
            return self._fits(self._components[component], value)
        if choices := [*schema.get("anyOf", ()), *schema.get("oneOf", ())]:
            return any(self._fits(choice, value) for choice in choices)
        if isinstance(value, list):
            items = schema.get("items", {})
            return schema.get("type") == "array" and all(self._fits(items, each) for each in value)
        return _is_of_kind(schema, value) and _is_listed(schema, value) and _is_in_bounds(schema, value)


def _named(schema: Schema) -> str | None:
    """The component that the schema refers to."""
    reference: str | None = schema.get("$ref")
    return reference.removeprefix(REF) if reference else None


def _is_of_kind(schema: Schema, value: Any) -> bool:
    kind = schema.get("type")
    if isinstance(value, bool):
        return kind in {None, "boolean"}
    return kind is None or isinstance(value, KINDS[kind])


def _is_listed(schema: Schema, value: Any) -> bool:
    return value in schema.get("enum", [value]) and value == schema.get("const", value)


def _is_in_bounds(schema: Schema, value: Any) -> bool:
    if isinstance(value, str):
        return _is_text(schema, value)
    if isinstance(value, int | float):
        return bool(schema.get("minimum", value) <= value <= schema.get("maximum", value))
    return not isinstance(value, dict) or "properties" not in schema or value.keys() >= set(schema.get("required", ()))


def _is_text(schema: Schema, value: str) -> bool:
    if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
        return False
    if "pattern" in schema and not re.search(schema["pattern"], value):
        return False
    return schema.get("format") != "uuid" or _is_uuid(value)


def _is_uuid(value: str) -> bool:
    try:
        return bool(UUID(value))
    except ValueError:
        return False
