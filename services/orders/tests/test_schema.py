"""The declared tables against the migrations."""

from common.testing.plugin import FreshDatabase
from common.testing.schema import schema_differences


async def test_the_declared_tables_are_those_of_the_migrations(fresh_database: FreshDatabase) -> None:
    database = await fresh_database("orders")
    assert await schema_differences(database.url, "orders") == []
