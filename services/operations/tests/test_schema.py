"""The declared tables are those that the migrations make."""

from common.testing.schema import schema_differences
from common.web.service import Service


async def test_the_declared_tables_match_the_migrations(service: Service) -> None:
    assert await schema_differences(service.database.url, "operations") == []
