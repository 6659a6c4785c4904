"""The providers and settings that auth's use cases and routes need, as one object that app.py builds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from auth.clients import Network
from auth.throttle.domain import Policy, per_minute
from auth.vault import Vault
from common.security.media_urls import MediaUrls

if TYPE_CHECKING:  # the features that own the providers import this module
    from auth.email_confirmation.providers.codes import Codes
    from auth.passkeys.providers.webauthn import RelyingParty
    from auth.passwords.providers.hashing import PasswordHashing
    from auth.signing_keys.providers.signer import Signer


@dataclass(frozen=True, slots=True)
class AuthServices:
    """`reveals_account_existence`: registration and check-email may tell whether an address has an account.
    `unique_phones`: no two accounts have the same phone."""

    hashing: PasswordHashing
    signer: Signer
    vault: Vault
    codes: Codes
    passkeys: RelyingParty
    media_urls: MediaUrls
    trusted_proxies: Sequence[Network]
    failures_per_minute: int
    reveals_account_existence: bool
    unique_phones: bool
    public_url: str
    issuer: str
    secure_cookies: bool

    def device_token(self, account_id: UUID, device_id: UUID | None) -> str | None:
        """See `Vault.device_token`; None without a device."""
        return self.vault.device_token(account_id, device_id) if device_id else None

    @property
    def per_address(self) -> Policy:
        """The limit of failures and costly requests per client address."""
        return per_minute(self.failures_per_minute)
