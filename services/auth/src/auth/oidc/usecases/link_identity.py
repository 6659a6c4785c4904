"""Links an identity at another issuer to an account, and unlinks it."""

from uuid import UUID

from auth.accounts.usecases import Account, locked_account, security_changed
from auth.audit.usecases import record_audit
from auth.clients import Client
from auth.errors import IdentityNeeded, IdentityNotFound, IdentityTaken
from auth.oidc import store
from auth.oidc.domain import ExternalIdentity
from auth.passkeys.usecases.register_passkey import has_passkey
from common.persistence.transaction import Transaction


async def link_identity(tx: Transaction, account_id: UUID, identity: ExternalIdentity, client: Client) -> UUID:
    """The identity's id; the account's owner is notified. Raises IdentityTaken."""
    identity_id = await store_identity(tx, account_id, identity, client)
    tx.publish(security_changed(account_id, "identity_linked", client))
    return identity_id


async def store_identity(tx: Transaction, account_id: UUID, identity: ExternalIdentity, client: Client) -> UUID:
    """As `link_identity`, for an account that was created for the identity: nobody is notified."""
    identity_id = await store.insert_identity(tx, account_id, identity)
    if identity_id is None:
        is_own = await store.owner_of(tx, identity) == account_id
        raise IdentityTaken("This identity signs in to your account already" if is_own else None)
    await record_audit(
        tx,
        "link_identity",
        "succeeded",
        client,
        account_id=account_id,
        provider=identity.provider,
        identity=str(identity_id),
    )
    return identity_id


async def unlink_identity(tx: Transaction, account_id: UUID, identity_id: UUID, client: Client) -> None:
    """Raises IdentityNotFound, and IdentityNeeded if the account had no other way to sign in."""
    account = await locked_account(tx, account_id)
    provider = await store.delete_identity(tx, account_id, identity_id)
    if provider is None:
        raise IdentityNotFound
    if not await _can_sign_in(tx, account):
        raise IdentityNeeded
    await record_audit(tx, "unlink_identity", "succeeded", client, account_id=account_id, provider=provider)
    tx.publish(security_changed(account_id, "identity_unlinked", client))


async def _can_sign_in(tx: Transaction, account: Account) -> bool:
    has_password = account.password_hash is not None
    return has_password or await store.has_identity(tx, account.id) or await has_passkey(tx, account.id)
