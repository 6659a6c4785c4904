"""An administrator opens an account for someone, of any role."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from auth.domain.clients import Client
from auth.providers.codes import Codes
from auth.tables import Account
from auth.usecases.record_audit import record_audit
from auth.usecases.register import register
from common.persistence.transaction import Transaction


async def create_user(
    tx: Transaction,
    email: str,
    password_hash: str,
    profile: Mapping[str, Any],
    *,
    actor_id: UUID,
    client: Client,
    codes: Codes,
) -> Account:
    """`profile` holds the role as well. Raises Conflict naming the field that is taken: administrators may know."""
    account = await register(tx, email, password_hash, profile, client, codes=codes, tell_taken=True)
    await record_audit(tx, "create_user", account.role, client, account_id=account.id, actor_id=actor_id)
    return account
