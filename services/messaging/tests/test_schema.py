"""The declared tables are those that the migrations make."""

from common.persistence.database import Database
from common.testing.schema import schema_differences


async def test_the_declared_tables_match_the_migrations(database: Database) -> None:
    assert await schema_differences(database.url, "messaging") == []
