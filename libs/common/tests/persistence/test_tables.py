"""The tables of the bus, declared and made."""

from common.testing.plugin import FreshDatabase
from common.testing.schema import schema_differences


async def test_the_declared_bus_tables_are_those_that_migrations_make(fresh_database: FreshDatabase) -> None:
    database = await fresh_database("common")

    assert await schema_differences(database.url, "common") == []
