"""Alembic per service: `migrate(url, package)` brings a database to the newest revision."""

from importlib.resources import files
from pathlib import Path
from typing import Any

from alembic import command, context
from alembic.config import Config
from sqlalchemy import Connection, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

LOCK = 0x64756B616E  # "dukan" in ASCII: two replicas that start together migrate one after the other


def migrations_of(package: str) -> Path:
    """The folder of a service's migrations: inside the installed package, or beside `src` in the source tree."""
    inside = Path(str(files(package))) / "migrations"
    return inside if inside.is_dir() else inside.parents[2] / "migrations"


async def migrate(url: str, package: str) -> None:
    """Apply all pending migrations of `package` to the database at `url`, in one transaction."""
    engine = create_async_engine(make_url(url).set(drivername="postgresql+asyncpg"), poolclass=NullPool)
    event.listen(engine.sync_engine, "do_execute", _run_script)
    try:
        async with engine.begin() as connection:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
            await connection.run_sync(_upgrade, migrations_of(package))
    finally:
        await engine.dispose()


def _run_script(_cursor: object, statement: str, parameters: object, execution: Any) -> bool:
    """Run a text of several statements unprepared: asyncpg can prepare only single statements."""
    if parameters or ";" not in statement.rstrip().rstrip(";"):
        return False
    execution.root_connection.connection.dbapi_connection.run_async(lambda driver: driver.execute(statement))
    return True


def _upgrade(connection: Connection, directory: Path) -> None:
    config = Config()
    config.set_main_option("script_location", str(directory))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def run_env() -> None:
    """The whole of a service's `migrations/env.py`."""
    connection = context.config.attributes["connection"]
    context.configure(connection=connection, transactional_ddl=True)
    with context.begin_transaction():
        context.run_migrations()
