"""Search without case and accents, in a database with the locale C too."""

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from common.persistence import schema
from common.persistence.database import Database
from common.persistence.search import contains
from common.testing.plugin import FreshDatabase


@pytest.fixture
async def functions(fresh_database: FreshDatabase) -> Database:
    """A database with the functions of a service's migration."""
    database = await fresh_database("common")
    engine = create_async_engine(make_url(database.url).set(drivername="postgresql+asyncpg"))
    async with engine.begin() as connection:
        await connection.run_sync(_create)
    await engine.dispose()
    return database


def _create(connection: object) -> None:
    with Operations.context(MigrationContext.configure(connection)):  # type: ignore[arg-type]
        schema.create_text_functions()


@pytest.mark.parametrize(
    ("stored", "asked"),
    [
        ("Kahawa é", "kahawa e"),
        ("kahawa e", "KAHAWA É"),
        ("Cafe\u0301", "Café"),
        ("Smørrebrød", "smorrebrod"),
        ("Straße", "STRASSE"),
        ("Łódź", "lodz"),
        ("ÉPICES", "épices"),
        ("Đà Nẵng", "da nang"),
        ("Тёплый", "тЕплый"),
        ("ΑΘΉΝΑ", "αθηνα"),
        ("مُحَمَّد", "محمد"),
        ("أحمد", "احمد"),
        ("שָׁלוֹם", "שלום"),
        ("한국어", "한국"),
        ("100% off_season \\ 'now'", "% off_"),
    ],
)
async def test_case_and_accents_do_not_matter(functions: Database, stored: str, asked: str) -> None:
    condition = contains(["$1::text"], "$2::text")
    async with functions.begin() as tx:
        assert await tx.sql.fetchval(f"SELECT {condition}", stored, asked)


@pytest.mark.parametrize(
    ("stored", "asked"), [("kahawa", "kahava"), ("कीमत", "कमत"), ("が", "か"), ("abc", "a%c"), ("abc", "a_c")]
)
async def test_other_words_are_not_found(functions: Database, stored: str, asked: str) -> None:
    condition = contains(["$1::text"], "$2::text")
    async with functions.begin() as tx:
        assert not await tx.sql.fetchval(f"SELECT {condition}", stored, asked)


async def test_several_columns_are_searched_as_one_text_and_may_be_empty(functions: Database) -> None:
    condition = contains(["$1::text", "$2::text", "$3::text"], "'neema mushi'")
    async with functions.begin() as tx:
        assert await tx.sql.fetchval(f"SELECT {condition}", "Neema", "Mushi", None)
        assert not await tx.sql.fetchval(f"SELECT {condition}", None, None, None)


@pytest.mark.parametrize("name", ["Café  Nero", " CAFE\u0301 nero", "café\u00a0Nero", "Ｃafé Nero"])
async def test_names_that_people_read_as_one_have_one_key(functions: Database, name: str) -> None:
    async with functions.begin() as tx:
        assert await tx.sql.fetchval("SELECT text_key($1)", name) == "café nero"
