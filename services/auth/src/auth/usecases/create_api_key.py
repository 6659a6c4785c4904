"""A new API key for somebody. Its text is given once and kept as a keyed hash."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from auth.accounts.usecases import locked_account, security_changed
from auth.audit.usecases import record_audit
from auth.clients import Client
from auth.domain.api_keys import MOST_KEYS, NewKey
from auth.providers.vault import Vault
from common import clock
from common.errors import Conflict
from common.ids import new_id
from common.persistence.transaction import Transaction

IN_USE = """
SELECT count(*) FROM api_key WHERE account_id = $1 AND revoked_at IS NULL AND coalesce(expires_at, 'infinity') > $2
"""
INSERT = """
INSERT INTO api_key
    (id, public_id, account_id, name, hash, scopes, ip_allow, daily_limit, expires_at, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
RETURNING *
"""


@dataclass(frozen=True, slots=True)
class Wish:
    """`ip_allow` lists networks, none for anywhere; `daily_limit` is requests a day, None for as many as come."""

    name: str
    scopes: Sequence[str]
    ip_allow: Sequence[str]
    daily_limit: int | None
    expires_at: datetime | None


async def create_api_key(
    tx: Transaction, account_id: UUID, wish: Wish, *, actor_id: UUID, client: Client, vault: Vault
) -> tuple[asyncpg.Record, str]:
    """The row and the key's text. Raises NotFound for an unknown account, Conflict when it has too many."""
    await locked_account(tx, account_id)
    now = clock.now()
    if await tx.sql.fetchval(IN_USE, account_id, now) >= MOST_KEYS:
        raise Conflict(f"{MOST_KEYS} keys are in use, revoke one first", code="too_many_api_keys")
    key = NewKey.generate()
    row = await tx.sql.fetchrow(
        INSERT,
        new_id(),
        key.public_id,
        account_id,
        wish.name,
        vault.api_key_digest(key.text),
        wish.scopes,
        wish.ip_allow,
        wish.daily_limit,
        wish.expires_at,
        now,
    )
    await record_audit(
        tx, "create_api_key", "succeeded", client, account_id=account_id, actor_id=actor_id, key=key.public_id
    )
    tx.publish(security_changed(account_id, "api_key_made", client))
    return row, key.text
