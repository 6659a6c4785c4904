"""Delivering events to a service as the bus does, with the real inbox, and reading the events that it published."""

import itertools
from typing import TypeVar

from common.bus.delivery import Delivery, Done, Settlement
from common.bus.dispatch import Dispatcher
from common.bus.subscriptions import Consumer, collect
from common.contracts.event import Event
from common.events.cloudevent import CloudEvent
from common.persistence.database import Database
from common.web.service import Service

E = TypeVar("E", bound=Event)

_sequence = itertools.count(1)


class NotHandledError(AssertionError):
    """A delivery was settled as Retry or Dead, or no consumer subscribes to its event."""


def cloud_event_of(event: Event) -> CloudEvent:
    """The event as it would arrive. Deliver the same CloudEvent twice to test a redelivery."""
    return CloudEvent.of(event).numbered(next(_sequence))


async def deliver(
    service: Service, *events: Event | CloudEvent, consumer: str | None = None, may_fail: bool = False
) -> list[Settlement]:
    """Let the service's consumers (or the one named) handle the events as one batch.

    Raises NotHandledError if no consumer subscribes to one of them, or, unless `may_fail`, if a delivery is not done.
    """
    cloud_events = [cloud_event_of(event) if isinstance(event, Event) else event for event in events]
    consumers = [found for found in collect(*service.subscribers) if _takes(found, cloud_events, consumer)]
    unhandled = [e.type for e in cloud_events if not any(found.handler_of(e.type) for found in consumers)]
    if unhandled or not consumers:
        raise NotHandledError(f"{service.name} has no consumer for {unhandled}")
    settled = [await Dispatcher(c, service.database)([Delivery(e) for e in cloud_events]) for c in consumers]
    settlements = list(itertools.chain.from_iterable(settled))
    failed = [settlement for settlement in settlements if not isinstance(settlement, Done)]
    if failed and not may_fail:
        raise NotHandledError(f"{failed}")
    return settlements


async def facts(database: Database, event: type[E]) -> list[E]:
    """The events of this type in the outbox, published or not, oldest first."""
    async with database.begin() as tx:
        rows = await tx.sql.fetch("SELECT payload FROM outbox WHERE type = $1 ORDER BY id", event.type)
    return [event.model_validate_json(row["payload"]) for row in rows]


def _takes(consumer: Consumer, cloud_events: list[CloudEvent], name: str | None) -> bool:
    if consumer.takes_dead_letters or name not in (None, consumer.name):
        return False
    return any(consumer.handler_of(cloud_event.type) for cloud_event in cloud_events)
