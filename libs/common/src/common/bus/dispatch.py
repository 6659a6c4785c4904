"""The pipeline behind both transports: decode deliveries, accept each once, call the handler, settle."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from pydantic import ValidationError

from common import clock, metrics
from common.bus.delivery import MAX_ATTEMPTS, RETRY_TIERS, Dead, Delivery, Done, Retry, Settlement
from common.bus.subscriptions import Consumer, Handler, Subscription
from common.context import Origin, use_origin
from common.contracts.event import Event
from common.errors import DatabaseUnavailable, Permanent, is_outage
from common.events import inbox
from common.events.cloudevent import CloudEvent
from common.jobs import OUTAGE_BACKOFF
from common.persistence.database import Database
from common.persistence.transaction import Transaction
from common.telemetry import consumer_spans

log = logging.getLogger(__name__)

MAX_OUTAGE_PAUSES = 120
"""Ten minutes. Then the consumer returns its messages to the broker, well before the broker's acknowledgement timeout
(30 minutes)."""

MAX_ERROR_CHARACTERS = 2000


@dataclass(slots=True)
class Group:
    """Deliveries of one handler, small enough for one transaction."""

    subscription: Subscription
    handler: Handler
    deliveries: list[Delivery]


class Dispatcher:
    """Handles batches of deliveries for one consumer."""

    def __init__(self, consumer: Consumer, database: Database) -> None:
        self._consumer = consumer
        self._database = database

    async def __call__(self, deliveries: Sequence[Delivery]) -> list[Settlement]:
        """Handle a batch. One settlement per delivery, in the same order.

        Raises DatabaseUnavailable if the database stays unavailable: the transport keeps the deliveries.
        """
        outcome: dict[int, Settlement] = {}
        for group in self._groups(deliveries, outcome):
            await self._handle(group, outcome)
        return [outcome[id(delivery)] for delivery in deliveries]

    def _groups(self, deliveries: Sequence[Delivery], outcome: dict[int, Settlement]) -> list[Group]:
        """Split a batch by handler, so that each handler gets many at once and no subject's order changes.

        A delivery joins the first group of its handler that is not before the group of its subject's last delivery.
        """
        groups: list[Group] = []
        last: dict[str, int] = {}
        for delivery in deliveries:
            found = self._consumer.handler_of(delivery.cloud_event.type)
            if found is None:
                outcome[id(delivery)] = Done()
                continue
            subject = delivery.cloud_event.subject
            at = _group_for(groups, found, last.get(subject, 0))
            groups[at].deliveries.append(delivery)
            last[subject] = at
        return groups

    async def _handle(self, group: Group, outcome: dict[int, Settlement]) -> None:
        """Handle a group in one transaction. If it fails, halve it until the poisoned event is isolated."""
        started = time.perf_counter()
        try:
            await self._through_outages(group)
        except DatabaseUnavailable:
            raise
        except Exception as error:
            if len(group.deliveries) > 1:
                middle = len(group.deliveries) // 2
                for half in (group.deliveries[:middle], group.deliveries[middle:]):
                    await self._handle(Group(group.subscription, group.handler, half), outcome)
                return
            settlement = self._failed(group.deliveries[0], error)
        else:
            settlement = Done()
        for delivery in group.deliveries:
            outcome[id(delivery)] = settlement
        self._observe(group, settlement, time.perf_counter() - started)

    async def _through_outages(self, group: Group) -> None:
        """Run the group; wait while the database is unavailable, because that is no failed attempt of the event."""
        for failures in range(1, MAX_OUTAGE_PAUSES + 1):
            try:
                return await self._run(group)
            except Exception as error:
                if not is_outage(error):
                    raise
                log.warning("%s waits for the database", self._consumer.name, extra={"error": repr(error)})
                await asyncio.sleep(OUTAGE_BACKOFF.after(failures))
        raise DatabaseUnavailable(f"{self._consumer.name}: the database is still unavailable")

    async def _run(self, group: Group) -> None:
        origins = [delivery.cloud_event.origin() for delivery in group.deliveries]
        with consumer_spans(self._consumer.name, origins) as traced:
            async with self._database.begin() as tx:
                accepted = group.deliveries if group.subscription.dead else await self._accept(group, tx)
                if accepted:
                    await self._call(group, _traced(group, accepted, traced, origins), tx)

    async def _accept(self, group: Group, tx: Transaction) -> list[Delivery]:
        """The deliveries that this consumer has not handled before."""
        fresh = await inbox.accept(tx.sql, self._consumer.name, [d.cloud_event.id for d in group.deliveries])
        accepted = _once(group.deliveries, fresh)
        duplicates = len(group.deliveries) - len(accepted)
        if duplicates:
            metrics.INBOX_DUPLICATES.labels(self._consumer.name).inc(duplicates)
        return accepted

    async def _call(self, group: Group, accepted: list[Delivery], tx: Transaction) -> None:
        """Call the handler with the accepted deliveries in the form that it declared."""
        subscription, handler = group.subscription, group.handler
        if subscription.event is None:
            await handler(accepted if subscription.dead else [d.cloud_event for d in accepted], tx)
            return
        events = [(_decode(subscription.event, d.cloud_event), d.cloud_event) for d in accepted]
        tx.received(events)
        if subscription.batch > 1:
            await handler([event for event, _ in events], tx)
            return
        for event, cloud_event in events:
            with use_origin(cloud_event.origin()):
                await handler(event, tx)

    def _failed(self, delivery: Delivery, error: Exception) -> Settlement:
        """A permanent error makes a dead letter at once, any other error once the attempts are spent."""
        spent = delivery.attempt >= MAX_ATTEMPTS
        permanent = isinstance(error, Permanent | ValidationError)
        log.error(
            "%s failed on %s (attempt %d)",
            self._consumer.name,
            delivery.cloud_event.type,
            delivery.attempt,
            exc_info=error,
            extra={"event_id": str(delivery.cloud_event.id), "correlation_id": delivery.cloud_event.correlation_id},
        )
        reason = f"{type(error).__name__}: {error}"[:MAX_ERROR_CHARACTERS]
        if permanent or spent:
            return Dead(reason)
        return Retry(RETRY_TIERS[delivery.attempt - 1], reason)

    def _observe(self, group: Group, settlement: Settlement, seconds: float) -> None:
        outcome = type(settlement).__name__.lower()
        names = (self._consumer.name, group.deliveries[0].cloud_event.type, outcome)
        metrics.HANDLED.labels(*names).inc(len(group.deliveries))
        metrics.HANDLER_SECONDS.labels(*names).observe(seconds)
        now = clock.now()
        lags = metrics.COMMIT_TO_HANDLED_SECONDS.labels(self._consumer.name)
        for delivery in group.deliveries:
            lags.observe(max((now - delivery.cloud_event.time).total_seconds(), 0.0))


def _group_for(groups: list[Group], found: tuple[Subscription, Handler], earliest: int) -> int:
    """The index of the handler's first group from `earliest` on that has room; a new group if there is none."""
    subscription, handler = found
    for index in range(earliest, len(groups)):
        if groups[index].subscription is subscription and len(groups[index].deliveries) < subscription.batch:
            return index
    groups.append(Group(subscription, handler, []))
    return len(groups) - 1


def _once(deliveries: Sequence[Delivery], fresh: set[UUID]) -> list[Delivery]:
    """The deliveries whose ids are fresh, each id once even if the batch holds it twice."""
    remaining = set(fresh)
    accepted = []
    for delivery in deliveries:
        if delivery.cloud_event.id in remaining:
            remaining.remove(delivery.cloud_event.id)
            accepted.append(delivery)
    return accepted


def _traced(
    group: Group, accepted: list[Delivery], traced: Sequence[Origin], origins: Sequence[Origin]
) -> list[Delivery]:
    """The deliveries, whose effects belong to the spans of this consumer; raw CloudEvents as they came."""
    if traced is origins or group.subscription.event is None:
        return accepted
    spans = {d.cloud_event.id: o.traceparent for d, o in zip(group.deliveries, traced, strict=True)}
    return [replace(d, cloud_event=replace(d.cloud_event, traceparent=spans[d.cloud_event.id])) for d in accepted]


def _decode(event: type[Event], cloud_event: CloudEvent) -> Event:
    return event.model_validate_json(cloud_event.data)
