"""Databases for tests: one template per package and process, migrated once, and a clone of it per test."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import uuid4

import asyncpg
from sqlalchemy.engine import make_url

from common.persistence.database import Database
from common.persistence.migrations import migrate
from common.persistence.schema import BUS_TABLES


@dataclass
class TestDatabases:
    """Creates and drops databases on the server at `url`, whose user may create them."""

    __test__ = False

    url: str
    _templates: dict[str, str] = field(default_factory=dict)

    @asynccontextmanager
    async def clone(self, package: str) -> AsyncIterator[Database]:
        """A new database with the package's newest schema and no rows, dropped after the block."""
        name = f"dukan_test_{package}_{uuid4().hex[:12]}"
        await self._run(f'CREATE DATABASE "{name}" TEMPLATE "{await self._template(package)}" STRATEGY FILE_COPY')
        database = Database(self._url_of(name))
        try:
            yield database
        finally:
            await database.close()
            await self._drop(name)

    async def close(self) -> None:
        for name in self._templates.values():
            await self._drop(name)

    async def _template(self, package: str) -> str:
        if package not in self._templates:
            name = f"dukan_template_{package}_{uuid4().hex[:12]}"
            await self._run(f'CREATE DATABASE "{name}"')
            self._templates[package] = name
            await self._fill(self._url_of(name), package)
        return self._templates[package]

    async def _fill(self, url: str, package: str) -> None:
        # `common` has no migrations: its databases hold the tables that every service has.
        await (self._run(BUS_TABLES, url) if package == "common" else migrate(url, package))

    def _url_of(self, name: str) -> str:
        return make_url(self.url).set(database=name).render_as_string(hide_password=False)

    async def _drop(self, name: str) -> None:
        await self._run(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    async def _run(self, statement: str, url: str | None = None) -> None:
        connection = await asyncpg.connect(url or self.url, timeout=10)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()
