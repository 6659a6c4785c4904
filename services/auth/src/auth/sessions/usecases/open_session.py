"""A new session, with its first pair of tokens, for someone who has authenticated."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from auth.accounts.usecases import Account
from auth.clients import Client
from auth.sessions.domain import MAX_LIFETIME, refresh_expiry
from auth.sessions.store.writes import NewSession, insert_refresh_token, insert_session
from auth.sessions.usecases.devices import recognise_device
from auth.signing_keys.domain import AccessToken
from auth.signing_keys.usecases import Signer, load_active_key
from auth.tokens import digest, new_token
from common import clock
from common.ids import new_id
from common.persistence.transaction import Transaction


@dataclass(frozen=True, slots=True)
class TokenPair:
    """An access token and a refresh token; after a sign-in also the device that it was on."""

    account: Account
    session_id: UUID
    access: AccessToken
    refresh_token: str
    refresh_expires_at: datetime
    device_id: UUID | None = None


async def open_session(
    tx: Transaction, account: Account, client: Client, device_name: str | None, signer: Signer
) -> TokenPair:
    """The account must be locked."""
    now = clock.now()
    session_id, expires_at = new_id(), now + MAX_LIFETIME
    access = await issue_access(tx, account, session_id, signer)
    device_id = await recognise_device(tx, account.id, client, device_name)
    session = NewSession(
        id=session_id,
        account_id=account.id,
        device_id=device_id,
        device_name=device_name,
        client=client,
        created_at=now,
        expires_at=expires_at,
        access_expires_at=access.expires_at,
    )
    await insert_session(tx, session)
    token = new_token()
    await insert_refresh_token(tx, digest(token), session_id, parent=None, issued_at=now)
    return TokenPair(account, session_id, access, token, refresh_expiry(now, expires_at), device_id)


async def issue_access(
    tx: Transaction,
    account: Account,
    session_id: UUID,
    signer: Signer,
    *,
    scope: Sequence[str] = (),
    until: datetime | None = None,
) -> AccessToken:
    """An access token signed with the active key. See `Signer.sign`. Raises NoSigningKey."""
    await load_active_key(tx, signer)
    return signer.sign(
        account.id,
        session_id,
        [account.role],
        clock.now(),
        time_zone=account.time_zone,
        scope=scope,
        until=until,
    )
