"""The event catalogue: /asyncapi, and the schema of each event where its `dataschema` attribute says."""

import json
from collections.abc import Callable
from functools import cache, partial

from common.contracts.all_events import all_events
from common.contracts.asyncapi import document
from common.contracts.event import Event
from common.events.cloudevent import SCHEMA_PREFIX
from gateway.pages import JSON, Content, Page, page

CACHED = (b"cache-control", b"public, max-age=300")


def event_pages() -> dict[str, Page]:
    """The documents follow from the code: each is made once, when somebody asks for it."""
    return {
        "/asyncapi": page(partial(_json, _document)),
        **{
            f"{SCHEMA_PREFIX}{event.type}.json": page(partial(_json, partial(_schema, event))) for event in all_events()
        },
    }


async def _json(make: Callable[[], bytes]) -> Content:
    return Content(JSON, make(), [CACHED])


@cache
def _document() -> bytes:
    return json.dumps(document()).encode()


@cache
def _schema(event: type[Event]) -> bytes:
    return json.dumps(event.model_json_schema(mode="serialization")).encode()
