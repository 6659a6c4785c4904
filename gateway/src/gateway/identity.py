"""Who calls: a credential that is present must be valid; without one the service decides what is public."""

from common.errors import Unauthenticated, Unavailable
from common.web.tokens import Identity, TokenVerifier
from gateway.headers import Inbound


class Gatekeeper:
    """Verifies access tokens with the platform's verifier, which remembers them until expiry or revocation."""

    def __init__(self, verifier: TokenVerifier) -> None:
        self._verifier = verifier

    async def check(self, inbound: Inbound) -> Identity | None:
        """The caller, None for an anonymous one. Unauthenticated when what is given is not accepted."""
        given = inbound.get(b"authorization")
        if given is None:
            return None
        scheme, _, token = given.partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthenticated("Only Bearer credentials are accepted here", code="unsupported_credentials")
        if not self._verifier.revocations.loaded:
            # Until the revoked sessions are known, a token that was signed out would be let in.
            raise Unavailable("Credentials cannot be checked yet", retry_after=1, code="identity_unavailable")
        return await self._verifier.verify(token.strip())
