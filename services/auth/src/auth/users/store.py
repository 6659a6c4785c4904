"""SQL that deletes personal data, across the tables of all features."""

from uuid import UUID

from common.persistence.transaction import Transaction

DELETE_EXPORTS = "DELETE FROM export WHERE account_id = $1"
# Where a person was, with what, and what they requested; rows that depend on these are deleted with them.
PERSONAL_TABLES = (
    "api_key",
    "session",
    "device",
    "totp",
    "one_time_code",
    "export",
    "passkey",
    "passkey_challenge",
    "identity",
    "oidc_flow",
)
ERASE_STATEMENTS = (
    *(f"DELETE FROM {table} WHERE account_id = $1" for table in PERSONAL_TABLES),  # noqa: S608 (our own names)
    "UPDATE audit SET address = NULL, user_agent = NULL WHERE account_id = $1",
)
DELETE_PRE_REGISTRATION = "DELETE FROM pre_registration WHERE email = $1"


async def delete_exports(tx: Transaction, account_id: UUID) -> None:
    await tx.sql.execute(DELETE_EXPORTS, account_id)


async def delete_personal_data(tx: Transaction, account_id: UUID, email: str) -> None:
    """In all tables but `account`."""
    await tx.sql.execute(DELETE_PRE_REGISTRATION, email)
    for statement in ERASE_STATEMENTS:
        await tx.sql.execute(statement, account_id)
