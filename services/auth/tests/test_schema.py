from common.testing.plugin import FreshDatabase
from common.testing.schema import schema_differences


async def test_the_declared_tables_are_those_that_migrations_make(fresh_database: FreshDatabase) -> None:
    database = await fresh_database("auth")

    assert await schema_differences(database.url, "auth") == []
