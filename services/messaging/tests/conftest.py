"""A messaging service on a database of its own."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest

from common.outbound import OutboundWorker
from common.persistence.database import Database
from common.testing.plugin import FreshDatabase
from common.web.service import Service
from messaging.app import build
from messaging.messages.domain import Accepted, OutboundMessage, Outcome, Report, UnreportedMessage
from messaging.messages.providers.channel import ChannelProvider
from messaging.settings import Settings

Built = Callable[..., Awaitable[Service]]


@dataclass
class ScriptedProvider:
    """A provider with scripted outcomes, which delivers once per idempotency key as a real one does."""

    outcomes: list[Outcome | Exception] = field(default_factory=list)
    calls: list[OutboundMessage] = field(default_factory=list)
    pending_reports: list[Report] = field(default_factory=list)

    async def send(self, message: OutboundMessage) -> Outcome:
        self.calls.append(message)
        outcome = self.outcomes.pop(0) if self.outcomes else Accepted(f"wire-{message.id}")
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def reports(self, messages: Sequence[UnreportedMessage]) -> list[Report]:
        ids = {message.id for message in messages}
        return [report for report in self.pending_reports if report.message_id in ids]

    @property
    def delivered(self) -> set[UUID]:
        """The messages that recipients see: repetitions of a key are one message."""
        return {message.id for message in self.calls}


@pytest.fixture
async def database(fresh_database: FreshDatabase) -> Database:
    return await fresh_database("messaging")


@pytest.fixture
async def built(database: Database) -> Built:
    """`await built(provider, messages_per_day=3)`: the service with this provider, by default the sandbox."""

    async def build_with(provider: ChannelProvider | None = None, **settings: Any) -> Service:
        return build(Settings.model_validate({"database_url": database.url} | settings), provider)

    return build_with


@pytest.fixture
async def service(built: Built) -> Service:
    """The service with the sandbox as its provider."""
    return await built()


async def run_jobs(service: Service) -> int:
    """Run every job until none has work and no call is in flight; how many items they processed."""
    workers = [resource for resource in service.resources if isinstance(resource, OutboundWorker)]
    processed = 0
    while True:
        count = sum([await job.run() or 0 for job in service.jobs])
        if not count and not any(worker.in_flight for worker in workers):
            return processed
        processed += count
        for worker in workers:
            await worker.join()


async def statuses(database: Database) -> list[str]:
    """The statuses of all messages, oldest first."""
    async with database.begin() as tx:
        return [row["status"] for row in await tx.sql.fetch("SELECT status FROM message ORDER BY id")]


async def used(database: Database, user_id: UUID) -> int:
    """The messages that a user was charged for on all days."""
    async with database.begin() as tx:
        total: int = await tx.sql.fetchval(
            "SELECT coalesce(sum(used), 0)::int FROM quota_usage WHERE user_id = $1", user_id
        )
    return total
