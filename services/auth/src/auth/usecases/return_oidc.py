"""A sign-in comes back from another issuer, with a state that is good once.

Claimed before the issuer is asked, so that two who come at once do not both ask; given back when the issuer was
away; kept, with what the issuer said, while the second factor is asked for; over in every other case.
"""

import json
from dataclasses import asdict, dataclass
from hmac import compare_digest
from uuid import UUID

import asyncpg

from auth.domain.oidc import Stranger
from auth.providers.oidc import Secrets
from auth.providers.vault import Vault
from auth.tokens import digest
from auth.usecases.start_oidc import sealed_name
from common import clock
from common.errors import Invalid
from common.persistence.transaction import Transaction

FIND = """
SELECT provider, account_id, sealed, browser_hash, outcome, claimed_at FROM oidc_flow
WHERE state_hash = $1 AND expires_at > $2 FOR UPDATE
"""
CLAIM = "UPDATE oidc_flow SET claimed_at = $2 WHERE state_hash = $1"
GIVE_BACK = "UPDATE oidc_flow SET claimed_at = NULL WHERE state_hash = $1"
KEEP = "UPDATE oidc_flow SET outcome = $2 WHERE state_hash = $1"
END = "DELETE FROM oidc_flow WHERE state_hash = $1 RETURNING 1"


@dataclass(frozen=True, slots=True)
class Return:
    """`stranger` is whom the issuer has named already, when only the second factor was missing."""

    state_hash: bytes
    secrets: Secrets
    stranger: Stranger | None


async def claim_return(
    tx: Transaction,
    state: str,
    code: str,
    vault: Vault,
    *,
    provider: str,
    browser: str | None,
    account_id: UUID | None = None,
) -> Return | Invalid:
    """`account_id` has to be the one that it was begun with, and so has `browser` unless it does not matter (None)."""
    state_hash = digest(state)
    row = await tx.sql.fetchrow(FIND, state_hash, clock.now())
    if row is None or (row["provider"], row["account_id"]) != (provider, account_id) or not _is_same(row, browser):
        return stale()
    secrets = Secrets(**json.loads(vault.unseal(row["sealed"], sealed_name(state_hash))))
    if row["outcome"] is not None:
        stranger = _recalled(row["outcome"], state_hash, code, vault)
        return Return(state_hash, secrets, stranger) if stranger else stale()
    if row["claimed_at"] is not None:
        return stale()
    await tx.sql.execute(CLAIM, state_hash, clock.now())
    return Return(state_hash, secrets, None)


async def give_back(tx: Transaction, returned: Return) -> None:
    """It may come back again: the issuer could not be asked."""
    await tx.sql.execute(GIVE_BACK, returned.state_hash)


async def keep_outcome(tx: Transaction, returned: Return, stranger: Stranger, code: str, vault: Vault) -> None:
    """For who comes again with the same state and code, and a second factor."""
    content = json.dumps({"code": digest(code).hex(), "stranger": asdict(stranger)}).encode()
    await tx.sql.execute(KEEP, returned.state_hash, vault.seal(content, sealed_name(returned.state_hash, "outcome")))


async def end_return(tx: Transaction, returned: Return) -> bool:
    """Whether it was still there to be ended: of two who come at once, one is right."""
    return await tx.sql.fetchval(END, returned.state_hash) is not None


def stale() -> Invalid:
    return Invalid("The state is wrong, used or too old; start again", code="oidc_state_invalid", field="state")


def _is_same(row: asyncpg.Record, browser: str | None) -> bool:
    return browser is None or compare_digest(row["browser_hash"], digest(browser))


def _recalled(sealed: bytes, state_hash: bytes, code: str, vault: Vault) -> Stranger | None:
    content = json.loads(vault.unseal(sealed, sealed_name(state_hash, "outcome")))
    is_same = compare_digest(content["code"], digest(code).hex())
    return Stranger(**content["stranger"]) if is_same else None
