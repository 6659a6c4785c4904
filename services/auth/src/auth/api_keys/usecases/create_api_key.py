"""Creates an API key. Its text is returned once and stored as a keyed hash."""

from uuid import UUID

import asyncpg

from auth.accounts.usecases import locked_account, security_changed
from auth.api_keys import store
from auth.api_keys.domain import MAX_KEYS_IN_USE, ApiKeyFields, GeneratedApiKey
from auth.audit.usecases import record_audit
from auth.clients import Client
from auth.errors import TooManyApiKeys
from auth.services import AuthServices
from common.persistence.transaction import Transaction


async def create_api_key(
    tx: Transaction, account_id: UUID, fields: ApiKeyFields, *, actor_id: UUID, client: Client, services: AuthServices
) -> tuple[asyncpg.Record, str]:
    """The row and the key's text. Raises UserNotFound and TooManyApiKeys."""
    await locked_account(tx, account_id)
    if await store.count_in_use(tx, account_id) >= MAX_KEYS_IN_USE:
        raise TooManyApiKeys
    key = GeneratedApiKey.generate()
    row = await store.insert(tx, account_id, key.public_id, services.vault.api_key_digest(key.text), fields)
    await record_audit(
        tx, "create_api_key", "succeeded", client, account_id=account_id, actor_id=actor_id, key=key.public_id
    )
    tx.publish(security_changed(account_id, "api_key_made", client))
    return row, key.text
