"""Whether the tables that a service declares are those that its migrations make."""

import pkgutil
from importlib import import_module
from typing import Any, cast

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, MetaData, Text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool
from sqlmodel import AutoString

from common.persistence.tables import CommonTable


async def schema_differences(url: str, package: str) -> list[str]:
    """What Alembic would change in the migrated database at `url` to make it what `package` declares; empty is right.

    Declared is what the `tables` modules of the package's features declare on `<package>.schema.Table`, and what every
    service has. Compares tables, columns, types, nullability, indexes, unique constraints and foreign keys.
    """
    for module in pkgutil.walk_packages(import_module(package).__path__, f"{package}."):
        if module.name.rpartition(".")[2] == "tables":
            import_module(module.name)
    declared: list[MetaData] = [CommonTable.metadata]
    if package != "common":
        declared.append(import_module(f"{package}.schema").Table.metadata)
    engine = create_async_engine(make_url(url).set(drivername="postgresql+asyncpg"), poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(_differences, declared)
    finally:
        await engine.dispose()


def _differences(connection: Connection, declared: list[MetaData]) -> list[str]:
    options: dict[str, Any] = {"compare_type": _is_other_type, "include_name": _is_ours}
    context = MigrationContext.configure(connection, opts={**options, "target_metadata": declared})
    return [str(difference) for difference in compare_metadata(context, cast("MetaData", declared))]


def _is_ours(name: str | None, kind: str, _: Any) -> bool:
    return not (kind == "table" and name == "alembic_version")


def _is_other_type(_: Any, __: Any, ___: Any, inspected: Any, declared: Any) -> bool | None:
    """SQLModel's `str` is VARCHAR without a length, which PostgreSQL keeps like TEXT; else Alembic decides."""
    if isinstance(inspected, Text) and isinstance(declared, AutoString) and declared.length is None:
        return False
    return None
