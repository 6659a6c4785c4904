"""How one-time codes are stored, and how code and link travel sealed to notifications, which sends the e-mail."""

from urllib.parse import urlencode
from uuid import UUID

from auth.email_confirmation.domain import Purpose
from auth.throttle.domain import Policy
from auth.vault import Vault
from common.security.encryption import Seal

PAGES: dict[Purpose, str] = {
    "confirm_email": "/api/v1/auth/email/confirm",
    "reset_password": "/api/v1/auth/password/reset",
    "change_email": "/api/v1/auth/email/confirm",
}


class Codes:
    """`public_url` is where links lead; `per_address` limits requests and attempts per client address."""

    def __init__(self, vault: Vault, seal: Seal, public_url: str, per_address: Policy) -> None:
        self.per_address = per_address
        self.vault = vault
        self._seal = seal
        self._public_url = public_url

    def subject_of(self, recipient: str) -> bytes:
        return self.vault.code_digest("subject", recipient)

    def hash_of(self, code_id: UUID, purpose: Purpose, code: str) -> bytes:
        """Valid for this request and purpose only."""
        return self.vault.code_digest(str(code_id), purpose, code)

    def seal(self, purpose: Purpose, account_id: UUID, code: str | None, token: str) -> str:
        link = f"{self._public_url}{PAGES[purpose]}?{urlencode({'token': token})}"
        return self._seal.close({"code": code, "link": link}, f"{purpose}/{account_id}")
