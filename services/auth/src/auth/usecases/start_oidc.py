"""A sign-in sets out for another issuer: what it will be recognised by when it comes back."""

import json
import secrets
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Self
from uuid import UUID

from auth.clients import Client, neighbourhood
from auth.domain.oidc import FLOW_LASTS, MOST_OPEN
from auth.providers.oidc import Secrets
from auth.providers.vault import Vault
from auth.tokens import digest
from common import clock
from common.errors import RateLimited
from common.persistence.transaction import Transaction

OPEN = "SELECT count(*), min(expires_at) AS first_ends FROM oidc_flow WHERE place = $1 AND expires_at > $2"
STORE = """
INSERT INTO oidc_flow (state_hash, provider, account_id, sealed, browser_hash, place, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""


@dataclass(frozen=True, slots=True)
class Departure:
    """`state` goes through the browser's address, `browser` into its cookies, to know it again."""

    state: str
    browser: str
    secrets: Secrets

    @classmethod
    def to(cls, redirect_uri: str) -> Self:
        chosen = Secrets(secrets.token_urlsafe(48), secrets.token_urlsafe(32), redirect_uri)
        return cls(secrets.token_urlsafe(32), secrets.token_urlsafe(32), chosen)


async def start_oidc(
    tx: Transaction, departure: Departure, provider: str, client: Client, vault: Vault, *, account_id: UUID | None
) -> datetime:
    """Until when it may come back. `account_id` is whose account the identity is to be linked to; None signs in.

    Raises RateLimited for an address with too many. Those who ask at once may each see room, and exceed it by as
    many at most.
    """
    now, place = clock.now(), neighbourhood(client.address)
    waiting = await tx.sql.fetchrow(OPEN, place, now)
    if waiting["count"] >= MOST_OPEN:
        seconds = (waiting["first_ends"] - now).total_seconds()
        raise RateLimited(seconds, "Too many sign-ins were begun from here", code="oidc_too_many")
    state_hash, expires_at = digest(departure.state), now + FLOW_LASTS
    sealed = vault.seal(json.dumps(asdict(departure.secrets)).encode(), sealed_name(state_hash))
    browser_hash = digest(departure.browser)
    await tx.sql.execute(STORE, state_hash, provider, account_id, sealed, browser_hash, place, expires_at)
    return expires_at


def sealed_name(state_hash: bytes, part: str = "secrets") -> str:
    """What a sign-in's secrets are bound to in their seal."""
    return f"oidc:{part}:{state_hash.hex()}"
