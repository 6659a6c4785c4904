"""A new family of tokens for someone who has proved who they are."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from auth.domain.clients import Client
from auth.domain.refresh import ABSOLUTE, expiry
from auth.signing_keys.providers.signer import AccessToken, Signer
from auth.tables import Account
from auth.usecases.issue_access import issue_access
from auth.usecases.recognise_device import recognise_device
from common import clock
from common.ids import new_id
from common.persistence.transaction import Transaction

OPEN = """
INSERT INTO session
    (id, account_id, device_id, device_name, address, user_agent, created_at, seen_at, proved_at, expires_at,
     access_expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $7, $8, $9)
"""
STORE = "INSERT INTO refresh_token (hash, session_id, parent, issued_at) VALUES ($1, $2, $3, $4)"


@dataclass(frozen=True, slots=True)
class Grant:
    """What a sign-in or a refresh gives."""

    account: Account
    session_id: UUID
    access: AccessToken
    refresh_token: str
    refresh_expires_at: datetime


async def open_session(
    tx: Transaction, account: Account, client: Client, device_name: str | None, signer: Signer
) -> Grant:
    """The account's lock must be held."""
    now = clock.now()
    session_id, expires_at = new_id(), now + ABSOLUTE
    access = await issue_access(tx, account, session_id, signer)
    await tx.sql.execute(
        OPEN,
        session_id,
        account.id,
        await recognise_device(tx, account.id, client, device_name),
        device_name,
        client.address,
        client.user_agent,
        now,
        expires_at,
        access.expires_at,
    )
    token = secrets.token_urlsafe(32)
    await store_token(tx, token, session_id, parent=None, issued_at=now)
    return Grant(account, session_id, access, token, expiry(now, expires_at))


async def store_token(
    tx: Transaction, token: str, session_id: UUID, *, parent: str | None, issued_at: datetime
) -> None:
    """Keep the token's hash; `parent` is the token it replaces."""
    parent_hash = digest(parent) if parent is not None else None
    await tx.sql.execute(STORE, digest(token), session_id, parent_hash, issued_at)


def digest(token: str) -> bytes:
    """SHA-256 is enough for a secret of 256 random bits."""
    return sha256(token.encode()).digest()
