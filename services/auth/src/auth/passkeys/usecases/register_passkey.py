"""Registers, renames and removes the passkeys of an account."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import asyncpg

from auth.accounts.usecases import locked_account, security_changed
from auth.audit.usecases import record_audit
from auth.clients import Client
from auth.errors import PasskeyInvalid, PasskeyKnown, PasskeyNotFound, TooManyPasskeys
from auth.passkeys import store
from auth.passkeys.domain import MAX_PASSKEYS, RegisteredCredential
from auth.passkeys.providers.webauthn import (
    InvalidCredentialError,
    RelyingParty,
    challenge_of,
    known_transports,
)
from auth.passkeys.usecases.verify_passkey import create_challenge
from auth.services import AuthServices
from common.persistence.transaction import Transaction


async def creation_options(tx: Transaction, account_id: UUID, client: Client, services: AuthServices) -> dict[str, Any]:
    """Raises TooManyPasskeys and TooManyChallenges."""
    account = await locked_account(tx, account_id)
    registered = await store.descriptors_of(tx, account_id)
    _check_count(len(registered))
    challenge = await create_challenge(tx, "register", client, account_id)
    display_name = f"{account.first_name} {account.last_name}".strip()
    return services.passkeys.creation_options(challenge, account_id.bytes, account.email, display_name, registered)


async def register_passkey(
    tx: Transaction,
    account_id: UUID,
    credential: Mapping[str, Any],
    transports: Sequence[str],
    *,
    name: str,
    client: Client,
    services: AuthServices,
) -> asyncpg.Record:
    """The new row. Raises PasskeyInvalid, PasskeyKnown and TooManyPasskeys; the challenge stays spent."""
    await locked_account(tx, account_id)
    registered = await _verify(tx, account_id, credential, services.passkeys)
    if registered is None:
        await record_audit(tx, "add_passkey", "refused", client, account_id=account_id)
        raise PasskeyInvalid
    _check_count(len(await store.descriptors_of(tx, account_id)))
    row = await store.insert(tx, account_id, name, registered, known_transports(transports))
    if row is None:
        await record_audit(tx, "add_passkey", "already_known", client, account_id=account_id)
        raise PasskeyKnown
    await record_audit(tx, "add_passkey", "succeeded", client, account_id=account_id, passkey=str(row["id"]))
    tx.publish(security_changed(account_id, "passkey_added", client))
    return row


async def rename_passkey(tx: Transaction, account_id: UUID, passkey_id: UUID, name: str) -> asyncpg.Record:
    """Raises PasskeyNotFound."""
    row = await store.rename(tx, account_id, passkey_id, name)
    if row is None:
        raise PasskeyNotFound
    return row


async def remove_passkey(tx: Transaction, account_id: UUID, passkey_id: UUID, client: Client) -> None:
    """Raises PasskeyNotFound."""
    if not await store.delete(tx, account_id, passkey_id):
        raise PasskeyNotFound
    await record_audit(tx, "remove_passkey", "succeeded", client, account_id=account_id, passkey=str(passkey_id))
    tx.publish(security_changed(account_id, "passkey_removed", client))


async def has_passkey(tx: Transaction, account_id: UUID) -> bool:
    return bool(await store.descriptors_of(tx, account_id))


async def _verify(
    tx: Transaction, account_id: UUID, credential: Mapping[str, Any], relying_party: RelyingParty
) -> RegisteredCredential | None:
    """None if the credential is not accepted."""
    try:
        challenge = challenge_of(credential)
        if not await store.spend_challenge(tx, challenge, "register", account_id):
            return None
        return relying_party.verify_registration(credential, challenge)
    except InvalidCredentialError:
        return None


def _check_count(count: int) -> None:
    if count >= MAX_PASSKEYS:
        raise TooManyPasskeys
