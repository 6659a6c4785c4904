"""An authenticator signs a challenge; the signature names the passkey and so the account.

The caller records the result.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg

from auth.clients import Client, neighbourhood
from auth.errors import NoPasskey, TooManyChallenges
from auth.passkeys import store
from auth.passkeys.domain import CHALLENGE_BYTES, MAX_OPEN_CHALLENGES, Assertion, ChallengePurpose
from auth.passkeys.providers.webauthn import (
    InvalidCredentialError,
    RelyingParty,
    challenge_of,
    raw_id_of,
    user_handle_of,
)
from common import clock
from common.persistence.transaction import Transaction


@dataclass(frozen=True, slots=True)
class VerifiedPasskey:
    account_id: UUID
    passkey_id: UUID
    assertion: Assertion


class PasskeyRejectedError(Exception):
    """`outcome` names the reason in the audit trail; `account_id` is the passkey's account, if it is known."""

    def __init__(self, outcome: str, account_id: UUID | None) -> None:
        super().__init__(outcome)
        self.outcome = outcome
        self.account_id = account_id


async def create_challenge(
    tx: Transaction, purpose: ChallengePurpose, client: Client, account_id: UUID | None
) -> bytes:
    """`account_id` is None for a sign-in, where the account is not known yet. Raises TooManyChallenges.

    Concurrent requests may each see room under the limit, and exceed it by their number at most.
    """
    place = neighbourhood(client.address)
    total, first_expiry = await store.open_challenges(tx, place)
    if total >= MAX_OPEN_CHALLENGES:
        raise TooManyChallenges((first_expiry - clock.now()).total_seconds())
    challenge = secrets.token_bytes(CHALLENGE_BYTES)
    await store.insert_challenge(tx, challenge, purpose, account_id, place)
    return challenge


async def sign_in_options(tx: Transaction, client: Client, relying_party: RelyingParty) -> dict[str, Any]:
    """The options name no account: the person picks one at the authenticator. Raises TooManyChallenges."""
    return relying_party.request_options(await create_challenge(tx, "sign_in", client, None))


async def step_up_options(
    tx: Transaction, account_id: UUID, client: Client, relying_party: RelyingParty
) -> dict[str, Any]:
    """Options for the passkeys of the account. Raises NoPasskey and TooManyChallenges."""
    registered = await store.descriptors_of(tx, account_id)
    if not registered:
        raise NoPasskey
    return relying_party.request_options(await create_challenge(tx, "step_up", client, account_id), registered)


async def verify_passkey(
    tx: Transaction,
    credential: Mapping[str, Any],
    purpose: ChallengePurpose,
    relying_party: RelyingParty,
    account_id: UUID | None = None,
) -> VerifiedPasskey:
    """Spends the challenge. With `account_id`, challenge and passkey must be of this account.

    Raises PasskeyRejectedError.
    """
    try:
        challenge = challenge_of(credential)
        if not await store.spend_challenge(tx, challenge, purpose, account_id):
            raise PasskeyRejectedError("unknown_challenge", account_id)
        row = await store.find_by_credential(tx, raw_id_of(credential))
        if row is None or account_id not in (None, row["account_id"]) or not _names_owner(credential, row):
            raise PasskeyRejectedError("unknown_passkey", account_id)
    except InvalidCredentialError as error:
        raise PasskeyRejectedError("malformed_passkey", account_id) from error
    try:
        assertion = relying_party.verify_assertion(credential, challenge, row["public_key"])
    except InvalidCredentialError as error:
        raise PasskeyRejectedError("wrong_passkey", row["account_id"]) from error
    return VerifiedPasskey(row["account_id"], row["id"], assertion)


async def record_use(tx: Transaction, passkey: VerifiedPasskey) -> bool:
    """False if the authenticator's counter did not increase: somebody may have copied the passkey.

    The account's lock must be held.
    """
    return await store.save_use(tx, passkey.passkey_id, passkey.assertion)


async def delete_expired_challenges(tx: Transaction) -> int:
    """How many."""
    return await store.delete_expired_challenges(tx)


def _names_owner(credential: Mapping[str, Any], row: asyncpg.Record) -> bool:
    """A user handle, if there is one, must be that of the passkey's owner."""
    handle = user_handle_of(credential)
    return handle is None or handle == row["account_id"].bytes
