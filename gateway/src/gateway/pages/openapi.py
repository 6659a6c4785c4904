"""Merges the services' OpenAPI documents into one OpenAPI 3.1 document.

Schemas that are equal in all services are merged; schemas that only share a name get their service's name as a prefix.
Operations are tagged with their service and extended by what the gateway adds.
"""

import asyncio
import json
import logging
import time
from collections.abc import Iterator, Mapping
from typing import Any

import httpx

from common.openapi.errors import HEADERS
from common.web.envelope import ErrorEnvelope
from gateway.pages.openapi_extensions import (
    INFO,
    SCHEMES,
    TAGS,
    add_limit_headers,
    extend_operation,
    gateway_components,
)
from gateway.pages.page import JSON, Content

log = logging.getLogger(__name__)

REFRESH_SECONDS = 5.0
TIMEOUT_SECONDS = 10.0
"""A service makes its document at the first request: 0.5 to 1 s each, one after the other in embedded mode."""
COMPONENTS = "#/components/"
SCHEMAS = f"{COMPONENTS}schemas/"
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
Document = dict[str, Any]


class OpenApi:
    """The merged document, refreshed from the services after five seconds."""

    def __init__(self, client: httpx.AsyncClient, urls: Mapping[str, str]) -> None:
        self._client = client
        self._urls = urls
        self._known: dict[str, bytes] = {}
        self._merged = b""
        self._fresh_until = 0.0
        self._refreshing = asyncio.Lock()

    async def content(self) -> Content:
        """The current documents, merged; for a service that does not respond, its last known one."""
        async with self._refreshing:
            if time.monotonic() >= self._fresh_until:
                await self._refresh()
        return Content(JSON, self._merged, [(b"cache-control", b"no-cache")])

    async def _refresh(self) -> None:
        results = await asyncio.gather(*(self._fetch(url) for url in self._urls.values()))
        fetched = {service: result for service, result in zip(self._urls, results, strict=True) if result is not None}
        known = self._known | fetched
        if known != self._known or not self._merged:
            documents = {service: json.loads(known[service]) for service in self._urls if service in known}
            self._merged = json.dumps(merge(documents), ensure_ascii=False).encode()
            self._known = known
        self._fresh_until = time.monotonic() + REFRESH_SECONDS

    async def _fetch(self, url: str) -> bytes | None:
        try:
            response = await self._client.get(f"{url}/openapi.json", timeout=TIMEOUT_SECONDS)
            response.raise_for_status()
            return response.content if isinstance(response.json(), dict) else None
        except (httpx.HTTPError, ValueError) as error:
            log.warning("no OpenAPI document from %s: %r", url, error)
            return None


def merge(documents: Mapping[str, Document]) -> Document:
    """Merge the documents, given by service."""
    conflicting = _conflicting_names({service: _schemas(document) for service, document in documents.items()})
    components: Document = {"schemas": {}, **gateway_components(), "headers": {}, "securitySchemes": SCHEMES}
    merged: Document = {
        "openapi": "3.1.0",
        "info": INFO,
        "servers": [{"url": "/", "description": "This gateway"}],
        "tags": [{"name": service, "description": TAGS[service]} for service in documents],
        "paths": {},
        "components": components,
    }
    for service, document in documents.items():
        _add_service(merged, service, _with_prefixes(document, service, conflicting))
    components["schemas"].update(_error_schemas())
    components["headers"].update(HEADERS)
    for response in components["responses"].values():
        add_limit_headers(response)
    for name, schema in components["schemas"].items():
        # Generators name classes by the title, and drop a schema whose title another one has.
        schema["title"] = name
    for item in merged["paths"].values():
        for operation in item.values():
            _close(components["schemas"], operation.get("requestBody"))
    return _without_unused_components(merged)


def _close(schemas: Document, node: Any) -> None:
    """Say of every object of a body that it has no other properties: the services reject unknown fields.

    After the merge, so that a schema that one service reads and another one only sends stays one schema.
    """
    if isinstance(node, list):
        for item in node:
            _close(schemas, item)
    elif isinstance(node, dict):
        schema = schemas.get(str(node.get("$ref", "")).removeprefix(SCHEMAS), {})
        if "properties" in schema and "additionalProperties" not in schema:
            schema["additionalProperties"] = False
            _close(schemas, schema)
        for item in node.values():
            _close(schemas, item)


def _add_service(merged: Document, service: str, document: Document) -> None:
    for path, item in document.get("paths", {}).items():
        for method in METHODS:
            if method in item:
                extend_operation(item[method], service, method, path)
        merged["paths"][path] = item
    components = document.get("components", {})
    for kind in ("schemas", "responses", "examples"):
        merged["components"][kind].update(components.get(kind, {}))


def _without_unused_components(document: Document) -> Document:
    """Without components that no operation refers to, directly or indirectly."""
    components = document["components"]
    used = set(_references(document["paths"], COMPONENTS))
    pending = list(used)
    while pending:
        kind, _, name = pending.pop().partition("/")
        found = set(_references(components.get(kind, {}).get(name), COMPONENTS)) - used
        used |= found
        pending += found
    for kind in ("schemas", "responses", "examples", "headers"):
        components[kind] = {name: component for name, component in components[kind].items() if f"{kind}/{name}" in used}
    return document


def _schemas(document: Document) -> dict[str, Any]:
    schemas: dict[str, Any] = document.get("components", {}).get("schemas", {})
    return schemas


def _conflicting_names(schemas: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """Names whose schemas differ between services, in themselves or in a schema that they refer to."""
    conflicting: set[str] = set()
    first_seen: dict[str, Any] = {}
    for own in schemas.values():
        conflicting.update(name for name, schema in own.items() if first_seen.setdefault(name, schema) != schema)
    while True:
        shared = (name for name in first_seen if name not in conflicting)
        affected = {name for name in shared if any(ref in conflicting for ref in _references(first_seen[name]))}
        if not affected:
            return conflicting
        conflicting |= affected


def _references(node: Any, prefix: str = SCHEMAS) -> Iterator[str]:
    if isinstance(node, dict):
        reference = node.get("$ref")
        if isinstance(reference, str) and reference.startswith(prefix):
            yield reference.removeprefix(prefix)
        for value in node.values():
            yield from _references(value, prefix)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value, prefix)


def _with_prefixes(document: Document, service: str, conflicting: set[str]) -> Document:
    names = {name: f"{service.capitalize()}{name}" for name in _schemas(document) if name in conflicting}
    renamed: Document = _with_references(document, {f"{SCHEMAS}{old}": f"{SCHEMAS}{new}" for old, new in names.items()})
    schemas = _schemas(renamed)
    for old, new in names.items():
        schemas[new] = schemas.pop(old)
    return renamed


def _with_references(node: Any, references: Mapping[str, str]) -> Any:
    """A copy whose references (those of discriminators included) point to the new names."""
    if isinstance(node, dict):
        return {key: _with_references(value, references) for key, value in node.items()}
    if isinstance(node, list):
        return [_with_references(value, references) for value in node]
    return references.get(node, node) if isinstance(node, str) else node


def _error_schemas() -> dict[str, Any]:
    schema = ErrorEnvelope.model_json_schema(ref_template=SCHEMAS + "{model}")
    return {**schema.pop("$defs", {}), "ErrorEnvelope": schema}
