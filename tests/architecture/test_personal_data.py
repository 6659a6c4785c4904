"""Every column that identifies a user is exported on request and erased with the account, or is listed here with the
reason.
"""

import importlib
import importlib.util
import re
from collections.abc import Mapping

import pytest

from common.persistence.database import Database
from common.testing.plugin import FreshDatabase

NAMES = ("account_id", "user_id", "customer_id", "owner_id", "actor", "actor_id")

TABLES = """
SELECT DISTINCT table_name
FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND column_name = ANY($1::text[])
"""

EVERYWHERE = {
    "idempotency": "answers that were given before, for a day; they are in the tables they came from",
    "erased_person": "an id and a time, so that what comes late is known for an erased person's",
}
NOT_SHOWN: Mapping[str, Mapping[str, str]] = {
    "auth": {
        "passkey_challenge": "a random number for minutes",
        "oidc_flow": "a sign-in on its way, for minutes",
        "recovery_code": "hashes of what opens the account",
    },
}
NOT_ERASED: Mapping[str, Mapping[str, str]] = {
    "auth": {"recovery_code": "goes with the app that it stands for"},
    "catalog": {"stock_ledger": "the books of the goods: an id beside a quantity"},
}


async def tables_naming_people(database: Database) -> set[str]:
    async with database.begin() as tx:
        return {row["table_name"] for row in await tx.sql.fetch(TABLES, list(NAMES))}


def unnamed(tables: set[str], text: str) -> set[str]:
    return {table for table in tables if not re.search(rf"\b{table}\b", text)}


def statements(service: str) -> tuple[str, str]:
    """The SQL that exports a person's data, and the SQL that erases it."""
    if service == "auth":
        queries = importlib.import_module("auth.data_export.store").EXPORT_QUERIES
        return "\n".join(queries.values()), "\n".join(importlib.import_module("auth.users.store").ERASE_STATEMENTS)
    if service == "catalog":
        store = importlib.import_module("catalog.personal_data.store")
        media = importlib.import_module("catalog.media.store")
        imports = importlib.import_module("catalog.imports.store.imports")
        erased = (media.ALL_OWN, media.REMOVE_OWNER, imports.REMOVE_OWNER)
        return "\n".join(store.EXPORT_QUERIES.values()), "\n".join(erased)
    store = importlib.import_module(f"{service}.personal_data.store")
    return "\n".join(store.EXPORT_QUERIES.values()), "\n".join(store.ERASE_STATEMENTS)


@pytest.mark.parametrize(
    "service", ["auth", "catalog", "orders", "billing", "messaging", "notifications", "operations"]
)
async def test_every_table_with_personal_data_is_exported_and_erased(
    service: str, fresh_database: FreshDatabase
) -> None:
    tables = await tables_naming_people(await fresh_database(service)) - EVERYWHERE.keys()
    assert tables, "the catalog query found no table"
    exported, erased = statements(service)
    assert unnamed(tables, exported) == set(NOT_SHOWN.get(service, ()))
    assert unnamed(tables, erased) == set(NOT_ERASED.get(service, ()))
