"""All pages of the gateway, by path."""

from collections.abc import Callable, Mapping

import httpx
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from gateway.pages.docs import docs_pages
from gateway.pages.events import event_pages
from gateway.pages.health import Health
from gateway.pages.openapi import OpenApi
from gateway.pages.page import Content, Page, page, with_slashes
from gateway.pages.welcome import Welcome


def all_pages(
    client: httpx.AsyncClient,
    urls: Mapping[str, str],
    checks: Callable[[], Mapping[str, bool]],
    broker: Callable[[], bool],
) -> dict[str, Page]:
    """`urls` of the services by name; `checks` and `broker`: see Health."""
    health = Health(client, urls, checks, broker)
    return with_slashes(
        {
            "/": page(Welcome(health).content),
            "/health": page(health.platform),
            "/health/live": page(health.live),
            "/health/ready": page(health.readiness),
            "/metrics": page(_metrics),
            "/openapi.json": page(OpenApi(client, urls).content),
            **docs_pages(),
            **event_pages(),
        }
    )


async def _metrics() -> Content:
    return Content(CONTENT_TYPE_LATEST.encode(), generate_latest())
