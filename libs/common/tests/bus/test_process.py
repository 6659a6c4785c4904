"""The bus of a running worker: its readiness, and the purge of idempotency keys."""

from collections.abc import Sequence
from typing import Any

import pytest
from httpx import AsyncClient

from common.bus import dead_letter_limit
from common.bus.delivery import DEAD_LETTERS, Delivery
from common.bus.embedded import EmbeddedTransport
from common.bus.subscriptions import subscribe, subscribe_dead_letters
from common.contracts.auth import UserDeactivated
from common.errors import Permanent
from common.ids import new_id
from common.persistence.database import Database
from common.persistence.transaction import Transaction
from common.settings import ServiceSettings
from common.testing import TestIssuer, eventually, run_service
from common.testing.plugin import FreshDatabase
from common.web import idempotency
from common.web.service import Service

CHECKS = {"accepting": True, "database": True, "tasks": True}


class Broken:
    @subscribe(UserDeactivated, consumer="shop.accounts")
    async def on_user_deactivated(self, event: UserDeactivated, tx: Transaction) -> None:
        raise Permanent("broken by a deploy")

    @subscribe_dead_letters(consumer=DEAD_LETTERS, batch=10)
    async def on_dead(self, deliveries: Sequence[Delivery], tx: Any) -> None: ...


@pytest.fixture
async def database(fresh_database: FreshDatabase) -> Database:
    return await fresh_database("common")


async def test_a_worker_with_a_stopped_consumer_is_not_ready(
    database: Database, tokens: TestIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_letter_limit, "MAX_DEAD_LETTERS", 1)
    service = Service("shop", ServiceSettings(), database, subscribers=[Broken()])
    transport = EmbeddedTransport(poll_seconds=0.05)
    async with run_service(service, transport.bound(database), tokens.verifier(), role="worker") as client:
        assert await _readiness(client) == (200, CHECKS | {"consumers": True})
        async with database.begin() as tx:
            tx.publish(UserDeactivated(user_id=new_id()))
        await eventually(lambda: _is_stopped(client))
    await transport.close()


async def _readiness(client: AsyncClient) -> tuple[int, Any]:
    answer = await client.get("/health/ready")
    body = answer.json()
    return answer.status_code, body["data"] if answer.is_success else body["errors"][0]["detail"]


async def _is_stopped(client: AsyncClient) -> bool:
    return await _readiness(client) == (503, CHECKS | {"consumers": False})


async def test_only_old_idempotency_keys_are_purged(database: Database) -> None:
    async with database.begin() as tx:
        await tx.sql.execute("""
            INSERT INTO idempotency (user_id, route, key, request_hash, created_at)
            SELECT gen_random_uuid(), 'POST /orders', key, '', now() - age
            FROM (VALUES ('old', interval '3 days'), ('new', interval '1 day')) AS k(key, age)
        """)
    assert await idempotency.purge(database) == 1
    async with database.begin() as tx:
        assert await tx.sql.fetchval("SELECT key FROM idempotency") == "new"
