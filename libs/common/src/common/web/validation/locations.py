"""Where an error of pydantic is, as the client wrote it.

pydantic's locations have parts that no client wrote: which alternative of a union an error belongs to
(`MarkSome.ids`, `attributes.a.list[str]`). The schema tells them apart from keys and indexes.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

Schema = Mapping[str, Any]
Path = tuple[str | int, ...]

MAPPING_KEY = "[key]"
"""pydantic's last part for an error about a key of an object of any keys."""


class Alternative(NamedTuple):
    """One alternative of the union at `path`."""

    path: Path
    label: str


class Location(NamedTuple):
    """`alternative` is that of the outermost union around the error, and `example` the field's, if it has one."""

    path: Path
    alternative: Alternative | None
    example: object


class Locator:
    """Locates the errors of one core schema."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._definitions: dict[str, Schema] = {}

    def locate(self, parts: Iterable[str | int]) -> Location:
        path: Path = ()
        alternative: Alternative | None = None
        schemas = [self._schema]
        for part in parts:
            nodes = [node for schema in schemas for node in self._nodes(schema)]
            choices = [choice for node in nodes for choice in _choices(node)]
            if choices:
                alternative = alternative or Alternative(path, str(part))
                schemas = [schema for label, schema in choices if label in (part, None)] or [s for _, s in choices]
            elif part != MAPPING_KEY:
                path = (*path, part)
                schemas = [child for node in nodes for child in _children(node, part)]
        return Location(path, alternative, self._example(schemas))

    def _nodes(self, schema: Schema) -> Iterator[Schema]:
        """The schema without what wraps it: defaults, null, validators, the model around its fields."""
        while True:
            for definition in schema.get("definitions", ()):
                self._definitions[definition["ref"]] = definition
            if schema["type"] == "definition-ref":
                schema = self._definitions[schema["schema_ref"]]
            elif inner := schema.get("schema") or schema.get("lax_schema") or schema.get("python_schema"):
                schema = inner
            elif steps := schema.get("steps"):
                schema = steps[0]
            else:
                yield schema
                return

    def _example(self, schemas: Sequence[Schema]) -> object:
        for schema in schemas:
            for node in (schema, *self._nodes(schema)):
                updates = node.get("metadata", {}).get("pydantic_js_updates", {})
                if examples := updates.get("examples"):
                    return examples[0]
        return None


def _choices(node: Schema) -> Iterator[tuple[str | None, Schema]]:
    """The alternatives of a union with their labels, where the schema gives them."""
    if node["type"] == "tagged-union":
        yield from node["choices"].items()
    elif node["type"] == "union":
        for choice in node["choices"]:
            schema, label = choice if isinstance(choice, tuple) else (choice, None)
            yield label or _model_name(schema), schema


def _model_name(schema: Schema) -> str | None:
    return schema["cls"].__name__ if schema["type"] == "model" else None


def _children(node: Schema, part: str | int) -> Iterator[Schema]:
    match node["type"]:
        case "model-fields" | "typed-dict":
            for name, field in node["fields"].items():
                if part in (name, field.get("validation_alias")):
                    yield field["schema"]
        case "list" | "set" | "frozenset" if "items_schema" in node:
            yield node["items_schema"]
        case "dict" if "values_schema" in node:
            yield node["values_schema"]
