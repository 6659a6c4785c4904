"""One database transaction: plain SQL, a SQLModel session and the outbox on the same connection."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from common.contracts.event import Event
from common.events import outbox
from common.events.cloudevent import CloudEvent


class Transaction:
    """The transaction that a use case works in; `Database.begin()` commits it.

    Events passed to `publish` are written to the outbox in one statement at the end, so a use case may publish them
    before or after it writes the rows.
    """

    def __init__(self, connection: AsyncConnection, sql: asyncpg.Connection) -> None:
        self.sql = sql
        self._connection = connection
        self._session: AsyncSession | None = None
        self._received: Mapping[int, CloudEvent] = {}
        self._outgoing: list[tuple[CloudEvent, str | None]] = []
        self._callbacks: list[Callable[[], None]] = []

    @property
    def session(self) -> AsyncSession:
        """A SQLModel session in this transaction; SQL that needs no mapper goes through `sql`."""
        if self._session is None:
            self._session = AsyncSession(bind=self._connection, expire_on_commit=False)
        return self._session

    def add(self, row: SQLModel) -> None:
        self.session.add(row)

    async def flush(self) -> None:
        """Send pending rows of the session, so that plain SQL sees them."""
        if self._session is not None:
            await self._session.flush()

    def publish(self, event: Event, cause: Event | None = None) -> CloudEvent:
        """Put an event into the outbox. In a batch handler, `cause` is the received event that led to it."""
        cloud_event = CloudEvent.of(event, self.cloud_event_of(cause) if cause is not None else None)
        self._outgoing.append((cloud_event, None))
        return cloud_event

    def redeliver(self, cloud_event: CloudEvent, queue: str) -> None:
        """Send a dead letter back to the queue whose consumer failed, with the same event id."""
        self._outgoing.append((cloud_event, queue))

    def received(self, events: Sequence[tuple[Event, CloudEvent]]) -> None:
        """Remember the CloudEvent of each event in the batch (called by the dispatcher).

        Keyed by identity, because two events of a batch may be equal. The caller holds the events until the
        transaction ends, so that no identity is reused.
        """
        self._received = {id(event): cloud_event for event, cloud_event in events}

    def cloud_event_of(self, event: Event) -> CloudEvent:
        """The CloudEvent that a handled event arrived in. Raises KeyError for any other object, equal or not."""
        return self._received[id(event)]

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Run `callback` after the commit. It must not block."""
        self._callbacks.append(callback)

    @property
    def has_outgoing(self) -> bool:
        return bool(self._outgoing)

    async def finish(self) -> None:
        """Write pending rows and events; the last step before the commit."""
        await self.flush()
        published = [cloud_event for cloud_event, queue in self._outgoing if queue is None]
        if published:
            await outbox.write(self.sql, published)
        for cloud_event, queue in self._outgoing:
            if queue is not None:
                await outbox.write(self.sql, [cloud_event], queue)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    def committed(self) -> None:
        for callback in self._callbacks:
            callback()
