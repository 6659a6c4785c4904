"""What auth's routes are given besides the caller and a transaction."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request, Response

from auth.domain.addresses import Network, client_address
from auth.domain.clients import Client
from auth.domain.throttle import Policy, per_minute
from auth.passkeys.providers.webauthn import RelyingParty
from auth.providers.codes import Codes
from auth.providers.hashing import PasswordHashing
from auth.signing_keys.providers.signer import Signer
from auth.vault import Vault
from common import context
from common.contracts.auth import SessionRevoked
from common.security.media_urls import MediaUrls

USER_AGENT_LIMIT = 300


@dataclass(frozen=True, slots=True)
class Identification:
    """How this installation identifies people; made by app.py from the settings."""

    hashing: PasswordHashing
    signer: Signer
    vault: Vault
    codes: Codes
    passkeys: RelyingParty
    trusted_proxies: Sequence[Network]
    failures_per_minute: int
    existence_replies: bool
    public_url: str
    issuer: str
    secure_cookies: bool
    media_urls: MediaUrls

    @property
    def per_address(self) -> Policy:
        return per_minute(self.failures_per_minute)


async def _identification(request: Request) -> Identification:
    identification: Identification = request.app.state.identification
    return identification


Identifying = Annotated[Identification, Depends(_identification)]


async def _client(request: Request, identification: Identifying) -> Client:
    peer = request.client.host if request.client else ""
    forwarded_for = ",".join(request.headers.getlist("x-forwarded-for"))
    origin = context.current()
    return Client(
        client_address(peer, forwarded_for, identification.trusted_proxies),
        request.headers.get("user-agent", "")[:USER_AGENT_LIMIT] or None,
        origin.correlation_id if origin else None,
    )


async def _forget(request: Request) -> Callable[[Sequence[SessionRevoked]], None]:
    """This process refuses an ended session at once; the others hear of it from the bus."""
    revocations = request.app.state.verifier.revocations

    def forget(ended: Sequence[SessionRevoked]) -> None:
        for event in ended:
            revocations.on_session_revoked(event)

    return forget


RequestingClient = Annotated[Client, Depends(_client)]
Forget = Annotated[Callable[[Sequence[SessionRevoked]], None], Depends(_forget)]


async def _never_stored(response: Response) -> None:
    response.headers["Cache-Control"] = "no-store"


NEVER_STORED = Depends(_never_stored)
"""For routers whose answers hold secrets."""
