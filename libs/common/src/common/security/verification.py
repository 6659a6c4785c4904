"""Verification of access tokens with keys and revocations that are fetched from auth over HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from common.contracts.auth import SessionRevoked, SigningKeysWithdrawn
from common.http_client import HttpClient
from common.jobs import Job
from common.security.fetch import fetch_json
from common.security.key_set import KeySet
from common.security.revocations import RevocationList
from common.security.tokens import TokenVerifier
from common.settings import ServiceSettings

REFRESH_KEYS_SECONDS = 60.0
LOAD_REVOCATIONS_SECONDS = 30.0
MAX_REVOCATIONS_BYTES = 64 * 1024 * 1024
"""Room for half a million sessions revoked within the lifetime of an access token."""


@asynccontextmanager
async def http_verifier(settings: ServiceSettings) -> AsyncIterator[TokenVerifier]:
    """A verifier with auth's published keys and revocations; `VerifierRefresh` refreshes it."""
    async with HttpClient(timeout=settings.request_timeout, trust_env=False) as client:
        revocations = fetch_json(
            client,
            f"{settings.auth_url.rstrip('/')}/internal/revocations",
            max_bytes=MAX_REVOCATIONS_BYTES,
            seconds=LOAD_REVOCATIONS_SECONDS,
        )
        yield TokenVerifier(
            KeySet(fetch_json(client, settings.jwks_url)),
            RevocationList(revocations),
            issuer=settings.issuer,
            audience=settings.audience,
        )


class VerifierRefresh:
    """Refreshes a verifier: by `jobs`, at start and periodically, and by the events in EVENTS."""

    EVENTS = (SessionRevoked, SigningKeysWithdrawn)

    def __init__(self, verifier: TokenVerifier) -> None:
        self._verifier = verifier
        self._keys = Job("identity.keys", REFRESH_KEYS_SECONDS, verifier.keys.refresh)
        self.jobs = (self._keys, Job("identity.revocations", LOAD_REVOCATIONS_SECONDS, verifier.revocations.load))

    def on_event(self, event: SessionRevoked | SigningKeysWithdrawn) -> None:
        """Apply the event; effective when it returns."""
        match event:
            case SessionRevoked():
                self._verifier.revocations.on_session_revoked(event)
            case SigningKeysWithdrawn():
                self._verifier.keys.revoke(event.key_ids)
                self._keys.wake()
