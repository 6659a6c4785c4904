"""The OpenAPI document of the gateway, built without a database, a broker or a socket."""

import json
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

from common.testing.transport import RecordingTransport
from common.web.app import create_app
from dukan.services import SERVICES, load, settings_of
from gateway.pages.openapi import merge

METHODS = frozenset(("get", "put", "post", "delete", "patch"))

Document = dict[str, Any]


class Operation(NamedTuple):
    """An operation; failed tests show its id."""

    method: str
    path: str
    spec: Document

    def __str__(self) -> str:
        return str(self.spec["operationId"])


class Example(NamedTuple):
    """An example, its location and its schema."""

    place: str
    schema: Any
    value: Any

    @property
    def is_error(self) -> bool:
        return isinstance(self.value, dict) and self.value.get("status") == "error"


def gateway_document() -> Document:
    return merge({service: _service_document(service) for service in SERVICES})


def operations_of(document: Document) -> list[Operation]:
    return [
        Operation(method, path, spec)
        for path, item in document["paths"].items()
        for method, spec in item.items()
        if method in METHODS
    ]


def examples_of(document: Document) -> Iterator[Example]:
    """The examples of bodies and parameters of the operations, and of shared responses."""
    for operation in operations_of(document):
        for parameter in operation.spec.get("parameters", ()):
            if "example" in parameter:
                yield Example(f"{operation} {parameter['name']}", parameter["schema"], parameter["example"])
        yield from _of_content(f"{operation} request", operation.spec.get("requestBody", {}))
        for status, response in operation.spec["responses"].items():
            yield from _of_content(f"{operation} {status}", response)
    for name, response in document["components"]["responses"].items():
        yield from _of_content(name, response)
    for code, example in document["components"]["examples"].items():
        yield Example(code, {"$ref": "#/components/schemas/ErrorEnvelope"}, example["value"])
    for name, schema in document["components"]["schemas"].items():
        for value in schema.get("examples", ()):
            yield Example(name, schema, value)


def _of_content(place: str, holder: Document) -> Iterator[Example]:
    for media in holder.get("content", {}).values():
        values = [media["example"]] if "example" in media else []
        for value in [*values, *(each["value"] for each in media.get("examples", {}).values() if "value" in each)]:
            yield Example(place, media["schema"], value)


def _service_document(service: str) -> Document:
    settings = settings_of(service, database_url="postgresql://nobody:nothing@localhost:9/none")
    document = create_app(load(service, settings), RecordingTransport()).openapi()
    read: Document = json.loads(json.dumps(document))
    return read


if __name__ == "__main__":
    json.dump(gateway_document(), sys.stdout)
