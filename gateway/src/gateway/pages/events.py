"""The event catalogue: /asyncapi, and each event's schema at the address in its `dataschema` attribute."""

import json
from collections.abc import Callable
from functools import cache, partial

from common.bus.asyncapi import document
from common.contracts.all_events import all_events
from common.contracts.event import Event
from common.events.cloudevent import SCHEMA_PREFIX
from gateway.pages.page import JSON, Content, Page, page

CACHE_FOR_5_MINUTES = (b"cache-control", b"public, max-age=300")


def event_pages() -> dict[str, Page]:
    """Each document is generated once, on its first request."""
    return {
        "/asyncapi": page(partial(_json, _document)),
        **{
            f"{SCHEMA_PREFIX}{event.type}.json": page(partial(_json, partial(_schema, event))) for event in all_events()
        },
    }


async def _json(make: Callable[[], bytes]) -> Content:
    return Content(JSON, make(), [CACHE_FOR_5_MINUTES])


@cache
def _document() -> bytes:
    return json.dumps(document()).encode()


@cache
def _schema(event: type[Event]) -> bytes:
    return json.dumps(event.model_json_schema(mode="serialization")).encode()
