"""One OpenAPI 3.1 document out of the services' own.

Schemas that are the same everywhere stay one; those that only share a name get their service's before it. Operations
are tagged with their service, and told with what the gateway adds to them.
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
from gateway.offered import INFO, SCHEMES, TAGS, away, limited, offer
from gateway.pages import JSON, Content

log = logging.getLogger(__name__)

FRESH_FOR = 5.0
TIMEOUT = 2.0
COMPONENTS = "#/components/"
SCHEMAS = f"{COMPONENTS}schemas/"
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
Document = dict[str, Any]


class OpenApi:
    """The merged document, at most five seconds behind a service that restarts with another one."""

    def __init__(self, client: httpx.AsyncClient, urls: Mapping[str, str]) -> None:
        self._client = client
        self._urls = urls
        self._known: dict[str, bytes] = {}
        self._merged = b""
        self._fresh_until = 0.0
        self._refreshing = asyncio.Lock()

    async def content(self) -> Content:
        """What the services say now; of one that is away, what it said last."""
        async with self._refreshing:
            if time.monotonic() >= self._fresh_until:
                await self._refresh()
        return Content(JSON, self._merged, [(b"cache-control", b"no-cache")])

    async def _refresh(self) -> None:
        answers = await asyncio.gather(*(self._fetch(url) for url in self._urls.values()))
        told = {service: answer for service, answer in zip(self._urls, answers, strict=True) if answer is not None}
        known = self._known | told
        if known != self._known or not self._merged:
            documents = {service: json.loads(known[service]) for service in self._urls if service in known}
            self._merged = json.dumps(merge(documents), ensure_ascii=False).encode()
            self._known = known
        self._fresh_until = time.monotonic() + FRESH_FOR

    async def _fetch(self, url: str) -> bytes | None:
        try:
            answer = await self._client.get(f"{url}/openapi.json", timeout=TIMEOUT)
            answer.raise_for_status()
            return answer.content if isinstance(answer.json(), dict) else None
        except (httpx.HTTPError, ValueError) as error:
            log.warning("no OpenAPI document from %s: %r", url, error)
            return None


def merge(documents: Mapping[str, Document]) -> Document:
    """Service → document, into one."""
    clashing = _clashing({service: _schemas(document) for service, document in documents.items()})
    components: Document = {"schemas": {}, **away(), "headers": {}, "securitySchemes": SCHEMES}
    merged: Document = {
        "openapi": "3.1.0",
        "info": INFO,
        "servers": [{"url": "/", "description": "Here"}],
        "tags": [{"name": service, "description": TAGS[service]} for service in documents],
        "paths": {},
        "components": components,
    }
    for service, document in documents.items():
        _add(merged, service, _renamed(document, service, clashing))
    components["schemas"].update(_error_schemas())
    components["headers"].update(HEADERS)
    for response in components["responses"].values():
        limited(response)
    return _without_unused(merged)


def _add(merged: Document, service: str, document: Document) -> None:
    for path, item in document.get("paths", {}).items():
        for method in METHODS:
            if method in item:
                offer(item[method], service, method)
        merged["paths"][path] = item
    components = document.get("components", {})
    for kind in ("schemas", "responses", "examples"):
        merged["components"][kind].update(components.get(kind, {}))


def _without_unused(document: Document) -> Document:
    """Only the components that operations lead to."""
    components = document["components"]
    used = set(_references(document["paths"], COMPONENTS))
    waiting = list(used)
    while waiting:
        kind, _, name = waiting.pop().partition("/")
        found = set(_references(components.get(kind, {}).get(name), COMPONENTS)) - used
        used |= found
        waiting += found
    for kind in ("schemas", "responses", "examples", "headers"):
        components[kind] = {name: each for name, each in components[kind].items() if f"{kind}/{name}" in used}
    return document


def _schemas(document: Document) -> dict[str, Any]:
    schemas: dict[str, Any] = document.get("components", {}).get("schemas", {})
    return schemas


def _clashing(schemas: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """Names that do not mean the same in all services that use them, by themselves or by what they refer to."""
    clashing: set[str] = set()
    first: dict[str, Any] = {}
    for own in schemas.values():
        clashing.update(name for name, schema in own.items() if first.setdefault(name, schema) != schema)
    while True:
        shared = (name for name in first if name not in clashing)
        drawn_in = {name for name in shared if any(ref in clashing for ref in _references(first[name]))}
        if not drawn_in:
            return clashing
        clashing |= drawn_in


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


def _renamed(document: Document, service: str, clashing: set[str]) -> Document:
    names = {name: f"{service.capitalize()}{name}" for name in _schemas(document) if name in clashing}
    renamed: Document = _rewritten(document, {f"{SCHEMAS}{old}": f"{SCHEMAS}{new}" for old, new in names.items()})
    schemas = _schemas(renamed)
    for old, new in names.items():
        schemas[new] = schemas.pop(old)
    return renamed


def _rewritten(node: Any, references: Mapping[str, str]) -> Any:
    """A copy in which references (also those of discriminators) point to the new names."""
    if isinstance(node, dict):
        return {key: _rewritten(value, references) for key, value in node.items()}
    if isinstance(node, list):
        return [_rewritten(value, references) for value in node]
    return references.get(node, node) if isinstance(node, str) else node


def _error_schemas() -> dict[str, Any]:
    schema = ErrorEnvelope.model_json_schema(ref_template=SCHEMAS + "{model}")
    return {**schema.pop("$defs", {}), "ErrorEnvelope": schema}
