"""Migrates the databases, one service after the other."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

import asyncpg
from alembic.util import CommandError
from sqlalchemy.exc import DBAPIError

from common.persistence.migrations import migrate
from dukan import services
from dukan.databases import provision
from dukan.errors import ProvisionError
from dukan.secret_file import SecretFile
from dukan.services import SERVICES


async def migrate_all(urls: Mapping[str, str]) -> None:
    """`urls` is service → database. Raises ProvisionError naming the service that cannot be migrated."""
    # Alembic's context is per process: two migrations at once would mix.
    for service, url in urls.items():
        try:
            await migrate(url, service)
        except (CommandError, DBAPIError, asyncpg.PostgresError, OSError) as error:
            reason = str(getattr(error, "orig", None) or error).splitlines()[0]
            raise ProvisionError(f"the database of {service} cannot be migrated: {reason}") from error


def run(names: Sequence[str], postgres: str | None, data: Path) -> None:
    """`dukan migrate`: one service by its own DUKAN_DATABASE_URL, or several on a server whose databases we create."""
    chosen = names or [name for name in SERVICES if services.is_installed(name)]
    if unknown := set(chosen) - set(SERVICES):
        raise ProvisionError(f"there is no service {min(unknown)!r}: choose from {', '.join(SERVICES)}")
    if postgres is not None:
        data.mkdir(parents=True, exist_ok=True, mode=0o711)
        asyncio.run(_provision_and_migrate(postgres, chosen, SecretFile(data / "secrets.json")))
    elif len(chosen) == 1:
        url = services.settings_of(chosen[0]).database_url.get_secret_value()
        asyncio.run(migrate_all({chosen[0]: url}))
    else:
        raise ProvisionError("name the one service whose database DUKAN_DATABASE_URL is, or give --postgres")


async def _provision_and_migrate(owner_url: str, names: Sequence[str], secrets: SecretFile) -> None:
    await migrate_all(await provision(owner_url, names, secrets))
