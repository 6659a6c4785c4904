"""What is kept of a one-time code, and what leaves sealed for the letter that holds it."""

from urllib.parse import urlencode
from uuid import UUID

from auth.domain.codes import Purpose
from auth.domain.throttle import Policy
from auth.vault import Vault
from common.security.encryption import Seal

PAGES: dict[Purpose, str] = {
    "confirm_email": "/api/v1/auth/email/confirm",
    "reset_password": "/api/v1/auth/password/reset",
    "change_email": "/api/v1/auth/email/confirm",
}


class Codes:
    """`public_url` is where the links of letters lead; `per_address` how often one address may ask or try."""

    def __init__(self, vault: Vault, seal: Seal, public_url: str, per_address: Policy) -> None:
        self.per_address = per_address
        self._vault = vault
        self._seal = seal
        self._public_url = public_url

    def subject_of(self, whom: str) -> bytes:
        return self._vault.code_digest("subject", whom)

    def hash_of(self, code_id: UUID, purpose: Purpose, code: str) -> bytes:
        """Good for this request and purpose only."""
        return self._vault.code_digest(str(code_id), purpose, code)

    def sealed(self, purpose: Purpose, account_id: UUID, code: str | None, token: str) -> str:
        link = f"{self._public_url}{PAGES[purpose]}?{urlencode({'token': token})}"
        return self._seal.close({"code": code, "link": link}, f"{purpose}/{account_id}")
