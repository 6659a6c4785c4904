"""Purges cached responses when an event says that they are out of date."""

from common.bus.transport import Transport
from common.contracts import catalog
from common.contracts.event import Event
from gateway.cache.response_cache import ResponseCache
from gateway.routing.routes import CATALOG_TAG

TAG_BY_EVENT: dict[type[Event], str] = {
    catalog.ProductCreated: CATALOG_TAG,
    catalog.ProductChanged: CATALOG_TAG,
    catalog.ProductDeleted: CATALOG_TAG,
    catalog.ProductImagesChanged: CATALOG_TAG,
    catalog.AvailabilityChanged: CATALOG_TAG,
    catalog.CategoryCreated: CATALOG_TAG,
    catalog.CategoryChanged: CATALOG_TAG,
    catalog.CategoryDeleted: CATALOG_TAG,
}


async def purge_on_events(transport: Transport, cache: ResponseCache) -> None:
    """Subscribe, so that changes made through any gateway or service purge this process's cache."""
    tags = {event.type: tag for event, tag in TAG_BY_EVENT.items()}
    await transport.listen(list(tags), lambda cloud_event: cache.purge(tags[cloud_event.type]))
