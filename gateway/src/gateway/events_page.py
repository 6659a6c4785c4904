"""The event catalogue: /asyncapi, and the schema of each event where its `dataschema` attribute says."""

import json
from functools import partial

from common.bus.envelope import SCHEMA_PREFIX
from common.contracts.asyncapi import document
from common.contracts.catalogue import schemas
from gateway.pages import JSON, Content, Page, page

CACHED = (b"cache-control", b"public, max-age=300")


def event_pages() -> dict[str, Page]:
    """The documents are made of code, so they are made once."""
    pages = {"/asyncapi": _fixed(document())}
    for event_type, schema in schemas().items():
        pages[f"{SCHEMA_PREFIX}{event_type}.json"] = _fixed(schema)
    return pages


def _fixed(content: object) -> Page:
    return page(partial(_given, Content(JSON, json.dumps(content).encode(), [CACHED])))


async def _given(content: Content) -> Content:
    return content
