"""Requests that conform to the published document, with one value at a time replaced by a hostile one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Document = Mapping[str, Any]

# A valid value for fields with rules beyond their type.
KNOWN = {
    "email": "bites@example.com",
    "password": "a-long-way-to-mwanza",
    "currency": "TZS",
    "recipient": "+255712345678",
    "phone": "+255712345678",
    "language": "sw",
    "time_zone": "Africa/Nairobi",
    "slug": "a-slug",
    "birth_date": "1990-01-31",
    "banner_url": "https://example.com/banner.png",
}


BY_FORMAT = {
    "uuid": "01a1fe88-a923-7491-9be5-40c78397c4ce",
    "email": "neema@example.com",
    "date": "1990-01-31",
    "date-time": "2026-01-31T08:00:00Z",
    "uri": "https://example.com",
    "password": "a-long-way-to-mwanza",
}


@dataclass(frozen=True)
class HostileBody:
    """A location in a body that takes a string."""

    method: str
    path: str
    place: str
    body: Any


def texts_replaced(document: Document, known: Mapping[str, str], text: str) -> Iterator[HostileBody]:
    """For every JSON body and each string in it: the body with that string replaced. `known` are ids by field."""
    for method, path, schema in json_bodies(document):
        whole = sample(document, schema, known)
        for place in _texts(whole):
            yield HostileBody(method, path, ".".join(map(str, place)), _replaced(whole, place, text))


def json_bodies(document: Document) -> Iterator[tuple[str, str, Any]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            content = operation.get("requestBody", {}).get("content", {})
            if "application/json" in content:
                yield method.upper(), path, content["application/json"]["schema"]


def sample(document: Document, schema: Any, known: Mapping[str, str], name: str = "") -> Any:
    """A value that the schema allows, with all properties."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    for choices in ("anyOf", "oneOf", "allOf"):
        if choices in schema:
            return sample(document, schema[choices][0], known, name)
    if "enum" in schema or "const" in schema:
        return schema["const"] if "const" in schema else schema["enum"][0]
    match schema.get("type"):
        case "object":
            properties = schema.get("properties") or {"any": {"type": "string"}}
            return {key: sample(document, value, known, key) for key, value in properties.items()}
        case "array":
            return [sample(document, schema["items"], known, name)]
        case "integer" | "number":
            return max(1, schema.get("minimum", 1))
        case "boolean":
            return True
    if schema.get("format") == "uuid":
        return known.get(name, "01a1fe88-a923-7491-9be5-40c78397c4ce")
    return KNOWN.get(name, "Karibu")


def example(document: Document, schema: Any, inside: frozenset[str] = frozenset()) -> Any:
    """A value made of the examples of the document: of an object the required fields, or all if none is required.

    `inside` are the schemas around it: a list of one of them is empty.
    """
    if (name := schema.get("$ref")) is not None:
        inside |= {name}
        schema = document["components"]["schemas"][name.rpartition("/")[2]]
    if "examples" in schema:
        return schema["examples"][0]
    if "enum" in schema or "const" in schema:
        return schema["const"] if "const" in schema else schema["enum"][0]
    for choices in ("anyOf", "oneOf", "allOf"):
        if choices in schema:
            return example(document, schema[choices][0], inside)
    match schema.get("type"):
        case "object":
            properties = schema.get("properties", {})
            names = schema.get("required") or properties
            return {name: example(document, properties[name], inside) for name in names}
        case "array":
            return [] if schema["items"].get("$ref") in inside else [example(document, schema["items"], inside)]
        case "boolean":
            return True
        case "null":
            return None
    return BY_FORMAT[schema["format"]]


def _texts(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, str):
        yield place
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts(inner, (*place, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _texts(inner, (*place, index))


def _replaced(value: Any, place: tuple[Any, ...], text: str) -> Any:
    if not place:
        return text
    head, *rest = place
    if isinstance(value, dict):
        return {key: _replaced(inner, tuple(rest), text) if key == head else inner for key, inner in value.items()}
    return [_replaced(inner, tuple(rest), text) if index == head else inner for index, inner in enumerate(value)]
