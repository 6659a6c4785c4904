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
    """What a use case is given. It never commits: whoever opened the transaction does.

    Facts passed to `publish` are kept until the end and written to the outbox in one statement, so a use case may
    state them before or after the rows that make them true.
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
        """A SQLModel session in this transaction; the SQL that needs no mapper goes through `sql`."""
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
        """Put a fact into the outbox. In a batch handler, `cause` is the received event that led to it."""
        cloud_event = CloudEvent.of(event, self.cloud_event_of(cause) if cause is not None else None)
        self._outgoing.append((cloud_event, None))
        return cloud_event

    def redeliver(self, cloud_event: CloudEvent, queue: str) -> None:
        """Send a dead letter to the queue that it came from, under the same event id."""
        self._outgoing.append((cloud_event, queue))

    def received(self, events: Sequence[tuple[Event, CloudEvent]]) -> None:
        """Remember the envelopes of the events at hand (called by the dispatcher)."""
        self._received = {id(event): cloud_event for event, cloud_event in events}

    def cloud_event_of(self, event: Event) -> CloudEvent:
        """The envelope in which a handled event arrived. KeyError when the event was not received here."""
        return self._received[id(event)]

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Run `callback` once the commit succeeded. It must not block."""
        self._callbacks.append(callback)

    @property
    def has_outgoing(self) -> bool:
        return bool(self._outgoing)

    async def finish(self) -> None:
        """Write what is pending; the last step before the commit."""
        await self.flush()
        news = [cloud_event for cloud_event, queue in self._outgoing if queue is None]
        if news:
            await outbox.write(self.sql, news)
        for cloud_event, queue in self._outgoing:
            if queue is not None:
                await outbox.write(self.sql, [cloud_event], queue)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    def committed(self) -> None:
        for callback in self._callbacks:
            callback()
