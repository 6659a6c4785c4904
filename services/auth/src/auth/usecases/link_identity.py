"""An account is signed in to by an identity at another issuer, and no longer."""

from uuid import UUID

from auth.accounts.usecases import locked_account, security_changed
from auth.audit.usecases import record_audit
from auth.clients import Client
from auth.domain.oidc import Stranger
from common import clock
from common.errors import Conflict, NotFound
from common.ids import new_id
from common.persistence.transaction import Transaction

INSERT = """
INSERT INTO identity (id, account_id, provider, issuer, subject, email, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (issuer, subject) DO NOTHING RETURNING id
"""
OWNER = "SELECT account_id FROM identity WHERE issuer = $1 AND subject = $2"
HAS_ANOTHER = """
SELECT EXISTS (SELECT FROM identity WHERE account_id = $1) OR EXISTS (SELECT FROM passkey WHERE account_id = $1)
"""
REMOVE = "DELETE FROM identity WHERE account_id = $1 AND id = $2 RETURNING provider"


async def link_identity(tx: Transaction, account_id: UUID, stranger: Stranger, client: Client) -> UUID:
    """The identity's id; the account's owner hears of it. Raises Conflict when the identity is taken."""
    identity_id = await store_identity(tx, account_id, stranger, client)
    tx.publish(security_changed(account_id, "identity_linked", client))
    return identity_id


async def store_identity(tx: Transaction, account_id: UUID, stranger: Stranger, client: Client) -> UUID:
    """As `link_identity`, of an account that was made for it."""
    about = (stranger.provider, stranger.issuer, stranger.subject, stranger.email)
    identity_id: UUID | None = await tx.sql.fetchval(INSERT, new_id(), account_id, *about, clock.now())
    if identity_id is None:
        is_own = await tx.sql.fetchval(OWNER, stranger.issuer, stranger.subject) == account_id
        whose = "your account already" if is_own else "another account"
        raise Conflict(f"This identity signs in to {whose}", code="identity_taken")
    await record_audit(
        tx,
        "link_identity",
        "succeeded",
        client,
        account_id=account_id,
        provider=stranger.provider,
        identity=str(identity_id),
    )
    return identity_id


async def unlink_identity(tx: Transaction, account_id: UUID, identity_id: UUID, client: Client) -> None:
    """Raises NotFound, and Conflict when nothing would be left to sign in with."""
    account = await locked_account(tx, account_id)
    provider = await tx.sql.fetchval(REMOVE, account_id, identity_id)
    if provider is None:
        raise NotFound("There is no such identity", code="identity_not_found")
    if account.password_hash is None and not await tx.sql.fetchval(HAS_ANOTHER, account_id):
        raise Conflict("Choose a password first: nothing else would sign you in", code="identity_needed")
    await record_audit(tx, "unlink_identity", "succeeded", client, account_id=account_id, provider=provider)
    tx.publish(security_changed(account_id, "identity_unlinked", client))
