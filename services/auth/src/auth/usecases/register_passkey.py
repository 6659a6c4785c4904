"""A passkey for an account, and its end."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import asyncpg

from auth.accounts.usecases import locked_account, security_changed
from auth.audit.usecases import record_audit
from auth.clients import Client
from auth.domain.passkeys import MOST_PASSKEYS
from auth.providers.passkeys import Attested, Credential, PasskeyRefusedError, Passkeys, challenge_of, known_transports
from auth.usecases.challenge import make_challenge, spend_challenge
from common import clock
from common.errors import Conflict, DukanError, Invalid, NotFound
from common.ids import new_id
from common.persistence.transaction import Transaction

OWN = "SELECT credential_id, transports FROM passkey WHERE account_id = $1 ORDER BY id"
INSERT = """
INSERT INTO passkey
    (id, account_id, credential_id, public_key, sign_count, name, transports, is_synced, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (credential_id) DO NOTHING RETURNING *
"""
RENAME = "UPDATE passkey SET name = $3 WHERE id = $1 AND account_id = $2 RETURNING *"
REMOVE = "DELETE FROM passkey WHERE id = $1 AND account_id = $2 RETURNING id"


async def creation_options(tx: Transaction, account_id: UUID, client: Client, passkeys: Passkeys) -> dict[str, Any]:
    """Raises Conflict when the account has as many as it may."""
    account = await locked_account(tx, account_id)
    own = await own_credentials(tx, account_id)
    _refuse_too_many(len(own))
    challenge = await make_challenge(tx, "register", client, account_id)
    display_name = f"{account.first_name} {account.last_name}".strip()
    return passkeys.creation_options(challenge, account_id.bytes, account.email, display_name, own)


async def register_passkey(
    tx: Transaction,
    account_id: UUID,
    credential: Mapping[str, Any],
    transports: Sequence[str],
    *,
    name: str,
    client: Client,
    passkeys: Passkeys,
) -> asyncpg.Record | DukanError:
    """The row. The refusal of an answer is returned: its challenge stays spent, and the trail says so."""
    await locked_account(tx, account_id)
    try:
        challenge = challenge_of(credential)
        is_ours = await spend_challenge(tx, challenge, "register", account_id)
        made = passkeys.attested(credential, challenge) if is_ours else None
    except PasskeyRefusedError:
        made = None
    if made is None:
        await record_audit(tx, "add_passkey", "refused", client, account_id=account_id)
        return Invalid(
            "The authenticator's answer is not accepted; ask for new options",
            code="passkey_invalid",
            field="credential",
        )
    return await _store(tx, account_id, made, transports, name=name, client=client)


async def rename_passkey(tx: Transaction, account_id: UUID, passkey_id: UUID, name: str) -> asyncpg.Record:
    """Raises NotFound."""
    return _found(await tx.sql.fetchrow(RENAME, passkey_id, account_id, name))


async def remove_passkey(tx: Transaction, account_id: UUID, passkey_id: UUID, client: Client) -> None:
    """Raises NotFound."""
    _found(await tx.sql.fetchrow(REMOVE, passkey_id, account_id))
    await record_audit(tx, "remove_passkey", "succeeded", client, account_id=account_id, passkey=str(passkey_id))
    tx.publish(security_changed(account_id, "passkey_removed", client))


async def own_credentials(tx: Transaction, account_id: UUID) -> list[Credential]:
    """At most MOST_PASSKEYS."""
    return [Credential(row["credential_id"], row["transports"]) for row in await tx.sql.fetch(OWN, account_id)]


async def _store(
    tx: Transaction, account_id: UUID, made: Attested, transports: Sequence[str], *, name: str, client: Client
) -> asyncpg.Record | DukanError:
    _refuse_too_many(len(await own_credentials(tx, account_id)))
    row = await tx.sql.fetchrow(
        INSERT,
        new_id(),
        account_id,
        made.credential_id,
        made.public_key,
        made.sign_count,
        name,
        known_transports(transports),
        made.is_synced,
        clock.now(),
    )
    if row is None:
        await record_audit(tx, "add_passkey", "already_known", client, account_id=account_id)
        return Conflict("This passkey is registered already", code="passkey_known", field="credential")
    await record_audit(tx, "add_passkey", "succeeded", client, account_id=account_id, passkey=str(row["id"]))
    tx.publish(security_changed(account_id, "passkey_added", client))
    return row


def _refuse_too_many(count: int) -> None:
    if count >= MOST_PASSKEYS:
        raise Conflict(f"{MOST_PASSKEYS} passkeys are registered, remove one first", code="too_many_passkeys")


def _found(row: asyncpg.Record | None) -> asyncpg.Record:
    if row is None:
        raise NotFound("There is no such passkey", code="passkey_not_found")
    return row
