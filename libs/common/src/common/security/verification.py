"""Verifying against auth over HTTP: what every service but auth itself does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from common.contracts.auth import SessionRevoked, SigningKeysWithdrawn
from common.jobs import Job
from common.security.fetch import fetch_json
from common.security.key_set import KeySet
from common.security.revocations import RevocationList
from common.security.tokens import TokenVerifier
from common.settings import ServiceSettings

KEYS_EVERY = 60.0
REVOCATIONS_EVERY = 30.0
MOST_REVOCATIONS = 64 * 1024 * 1024
"""Bytes: of half a million sessions ended within the life of an access token."""


@asynccontextmanager
async def http_verifier(settings: ServiceSettings) -> AsyncIterator[TokenVerifier]:
    """A verifier on auth's published key set and revocations; `VerifierRefresh` keeps it current."""
    async with httpx.AsyncClient(timeout=settings.request_timeout, trust_env=False) as client:
        revocations = f"{settings.auth_url.rstrip('/')}/internal/revocations"
        yield TokenVerifier(
            KeySet(fetch_json(client, settings.jwks_url)),
            RevocationList(fetch_json(client, revocations, most_bytes=MOST_REVOCATIONS, seconds=REVOCATIONS_EVERY)),
            issuer=settings.issuer,
            audience=settings.audience,
        )


class VerifierRefresh:
    """Keeps a verifier current: `jobs` fill it at start and from time to time, `hear` is for news from the bus."""

    HEARD = (SessionRevoked, SigningKeysWithdrawn)

    def __init__(self, verifier: TokenVerifier) -> None:
        self._verifier = verifier
        self._keys = Job("identity.keys", KEYS_EVERY, verifier.keys.refresh)
        self.jobs = (self._keys, Job("identity.revocations", REVOCATIONS_EVERY, verifier.revocations.load))

    def hear(self, event: SessionRevoked | SigningKeysWithdrawn) -> None:
        """Effective when it returns."""
        match event:
            case SessionRevoked():
                self._verifier.revocations.on_session_revoked(event)
            case SigningKeysWithdrawn():
                self._verifier.keys.withdraw(event.key_ids)
                self._keys.wake()
