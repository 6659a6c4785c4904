"""One database and one login role per service, on the embedded server or on another PostgreSQL server."""

from collections.abc import Iterable
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

from dukan.errors import ProvisionError
from dukan.secret_file import SecretFile

CONNECT_SECONDS = 10.0


async def provision(owner_url: str, services: Iterable[str], secrets: SecretFile) -> dict[str, str]:
    """Create the missing databases and roles; returns service → URL.

    `owner_url` is of a superuser, or of a role that may create both. Passwords are stored in `secrets`; a role whose
    password is not stored there gets a new one.
    """
    connection = await _connect(owner_url)
    try:
        return {name: await _provision_one(connection, owner_url, name, secrets) for name in services}
    except asyncpg.PostgresError as error:
        raise ProvisionError(f"cannot create the services' databases: {error}") from error
    finally:
        await connection.close()


async def check(owner_url: str) -> None:
    """Raises ProvisionError if no server answers, or it does not admit this role."""
    await (await _connect(owner_url)).close()


async def _connect(owner_url: str) -> asyncpg.Connection:
    try:
        return await asyncpg.connect(owner_url, timeout=CONNECT_SECONDS)
    except (OSError, TimeoutError, ValueError, asyncpg.PostgresError) as error:
        raise ProvisionError(f"no PostgreSQL at {_without_password(owner_url)}: {error or 'no answer'}") from error


async def _provision_one(connection: asyncpg.Connection, owner_url: str, service: str, secrets: SecretFile) -> str:
    name = f"dukan_{service}"
    password = await _ensure_role(connection, name, secrets)
    if not await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", name):
        await _run(connection, "CREATE DATABASE %I OWNER %I", name, name)
    await _run(connection, "REVOKE ALL ON DATABASE %I FROM PUBLIC", name)
    address = urlsplit(owner_url)
    host = address.netloc.rpartition("@")[2]
    return urlunsplit(address._replace(netloc=f"{name}:{quote(password)}@{host}", path=f"/{name}"))


async def _ensure_role(connection: asyncpg.Connection, name: str, secrets: SecretFile) -> str:
    known = secrets.read().get(name)
    exists = await connection.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", name)
    password = secrets.secret(name)
    if not exists:
        await _run(connection, "CREATE ROLE %I LOGIN PASSWORD %L", name, password)
        if not await connection.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = current_user"):
            # Only a member may create a database that the role owns.
            await _run(connection, "GRANT %I TO CURRENT_USER", name)
    elif known is None:
        await _run(connection, "ALTER ROLE %I PASSWORD %L", name, password)
    return password


async def _run(connection: asyncpg.Connection, template: str, *names: str) -> None:
    """Statements about roles and databases take no parameters: the server quotes the names itself."""
    marks = ", ".join(f"${position}::text" for position in range(2, len(names) + 2))
    await connection.execute(await connection.fetchval(f"SELECT format($1, {marks})", template, *names))


def _without_password(url: str) -> str:
    address = urlsplit(url)
    return f"{address.scheme}://{address.netloc.rpartition('@')[2]}{address.path}"
