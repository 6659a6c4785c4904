"""Databases for the bus scenarios, and outboxes filled with synthetic events by SQL."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aio_pika
import asyncpg

from bench.context import BenchContext
from bench.processes.sample_event import PRODUCTS, TABLES, TEXT, InBatches, SampleSold, consumer
from common.persistence.database import Database
from common.testing.databases import TestDatabases

FILL = f"""
INSERT INTO outbox (event_id, type, source, subject, partition_no, occurred_at, payload, correlation_id)
SELECT thing, '{SampleSold.type}', 'bench', thing::text, n % 8, now(),
       convert_to(json_build_object('thing_id', thing, 'product', n % {PRODUCTS}, 'text', '{TEXT}')::text, 'UTF8'),
       thing::text
FROM (SELECT n, gen_random_uuid() AS thing FROM generate_series(1, $1::integer) n) things
"""
QUEUE = consumer(InBatches()).queue


@asynccontextmanager
async def bus_database(context: BenchContext) -> AsyncIterator[Database]:
    """A database with the tables of every service and of the bench; dropped after the block, with its queue."""
    databases = TestDatabases(context.postgres.url)
    try:
        async with databases.clone("common") as database:
            await run(database, TABLES)
            yield database
    finally:
        await databases.close()
        await delete_queue(context.broker, QUEUE)


async def run(database: Database, statement: str, *arguments: object, within: float = 300) -> None:
    """On a separate connection, because filling takes longer than a service's statement time-out."""
    connection = await asyncpg.connect(database.url, timeout=10, command_timeout=within)
    try:
        await connection.execute(statement, *arguments)
    finally:
        await connection.close()


async def fetch(database: Database, statement: str, *arguments: object) -> asyncpg.Record:
    async with database.begin() as tx:
        return await tx.sql.fetchrow(statement, *arguments)


async def fill(database: Database, rows: int) -> None:
    """Insert so many pending events into the outbox, as committed transactions would."""
    await run(database, FILL, rows)
    await run(database, "VACUUM ANALYZE outbox")


async def delete_queue(amqp: str, name: str) -> None:
    connection = await aio_pika.connect(amqp, timeout=10)
    async with connection:
        await (await connection.channel()).queue_delete(name)
