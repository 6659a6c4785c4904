"""Handing events to a service as the bus would, with the real inbox, and reading what it published."""

import itertools
from typing import TypeVar

from common.bus.dispatch import Dispatcher
from common.bus.subscriptions import Consumer, collect
from common.bus.transport import Delivery, Done, Settlement
from common.contracts.event import Event
from common.events.cloudevent import CloudEvent
from common.persistence.database import Database
from common.web.service import Service

E = TypeVar("E", bound=Event)

_sequence = itertools.count(1)


class NotHandledError(AssertionError):
    """A delivery was retried or given up, or nobody subscribes to it."""


def cloud_event_of(event: Event) -> CloudEvent:
    """The event as it would arrive. Deliver the same envelope twice to test a redelivery."""
    return CloudEvent.of(event).numbered(next(_sequence))


async def deliver(
    service: Service, *events: Event | CloudEvent, consumer: str | None = None, may_fail: bool = False
) -> list[Settlement]:
    """Let the service's consumers (or the one named) handle the events as one batch.

    Raises NotHandledError when none subscribes, or, unless `may_fail`, when any delivery is not done.
    """
    cloud_events = [cloud_event_of(event) if isinstance(event, Event) else event for event in events]
    takers = [taker for taker in collect(*service.subscribers) if _takes(taker, cloud_events, consumer)]
    if not takers:
        raise NotHandledError(
            f"{service.name} has no consumer for {[cloud_event.type for cloud_event in cloud_events]}"
        )
    settled = [await Dispatcher(taker, service.database)([Delivery(e) for e in cloud_events]) for taker in takers]
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


def _takes(taker: Consumer, cloud_events: list[CloudEvent], name: str | None) -> bool:
    if taker.takes_dead_letters or name not in (None, taker.name):
        return False
    return any(taker.handler_of(cloud_event.type) for cloud_event in cloud_events)
