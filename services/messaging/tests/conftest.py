"""A messaging service on a database of its own."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest

from common.persistence.database import Database
from common.testing.plugin import FreshDatabase
from common.web.service import Service
from messaging.app import build
from messaging.domain.delivery import Report
from messaging.providers.channel import Accepted, ChannelProvider, Outcome, Outgoing, Pending
from messaging.settings import Settings

Built = Callable[..., Awaitable[Service]]


@dataclass
class ScriptedProvider:
    """A provider that answers as told, and delivers once per idempotency key as a real one promises."""

    outcomes: list[Outcome | Exception] = field(default_factory=list)
    calls: list[Outgoing] = field(default_factory=list)
    later: list[Report] = field(default_factory=list)

    async def send(self, message: Outgoing) -> Outcome:
        self.calls.append(message)
        outcome = self.outcomes.pop(0) if self.outcomes else Accepted(f"wire-{message.id}")
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def reports(self, pending: list[Pending] | Any) -> list[Report]:
        asked = {message.id for message in pending}
        return [report for report in self.later if report.message_id in asked]

    @property
    def brought(self) -> set[UUID]:
        """The messages as their recipients see them: repetitions of a key are one."""
        return {message.id for message in self.calls}


@pytest.fixture
async def database(fresh_database: FreshDatabase) -> Database:
    return await fresh_database("messaging")


@pytest.fixture
async def built(database: Database) -> Built:
    """`await built(provider, messages_per_day=3)`: the service with this provider (None: the sandbox)."""

    async def build_with(provider: ChannelProvider | None = None, **settings: Any) -> Service:
        return build(Settings.model_validate({"database_url": database.url} | settings), provider)

    return build_with


@pytest.fixture
async def service(built: Built) -> Service:
    """With the sandbox as its provider."""
    return await built()


async def run_jobs(service: Service) -> int:
    """Run every job until none has anything to do; how much they did."""
    done = 0
    while did := sum([await job.run() or 0 for job in service.jobs]):
        done += did
    return done


async def statuses(database: Database) -> list[str]:
    """Of all messages, oldest first."""
    async with database.begin() as tx:
        return [row["status"] for row in await tx.sql.fetch("SELECT status FROM message ORDER BY id")]


async def used(database: Database, user_id: UUID) -> int:
    """What the quotas of all days have counted for a user."""
    async with database.begin() as tx:
        total: int = await tx.sql.fetchval(
            "SELECT coalesce(sum(used), 0)::int FROM quota_usage WHERE user_id = $1", user_id
        )
    return total
