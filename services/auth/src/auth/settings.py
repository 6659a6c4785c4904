"""auth's environment."""

from collections.abc import Mapping
from ipaddress import ip_network
from typing import Annotated, ClassVar, Self

from pydantic import BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import NoDecode

from auth.clients import Network
from common.security.encryption import LOCAL_SECRET, MIN_SECRET_LENGTH
from common.settings import ServiceSettings


def _networks(value: object) -> object:
    """Parse `10.0.0.0/8, 192.168.1.7`."""
    if not isinstance(value, str):
        return value
    networks = tuple(ip_network(part.strip()) for part in value.split(",") if part.strip())
    if any(not network.prefixlen for network in networks):
        raise ValueError("DUKAN_TRUSTED_PROXIES would let any client claim any address: name the gateway's network")
    return networks


def _names(value: object) -> object:
    """Parse `https://a.example, https://b.example`."""
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


class Settings(ServiceSettings):
    renamed: ClassVar[Mapping[str, str]] = {
        "DUKAN_EXISTENCE_REPLIES": "DUKAN_REVEALS_ACCOUNT_EXISTENCE",
    }
    required_in_production: ClassVar[tuple[str, ...]] = (
        *ServiceSettings.required_in_production,
        "key_secret",
        "mail_secret",
        "media_secret",
        # Without it every client would have the gateway's address, and one that guesses passwords would throttle all.
        "trusted_proxies",
    )

    key_secret: SecretStr = Field(
        SecretStr(LOCAL_SECRET), description="seals the signing keys; at least 32 characters in production"
    )
    mail_secret: SecretStr = Field(
        SecretStr(LOCAL_SECRET), description="seals codes for notifications; at least 32 characters in production"
    )
    media_secret: SecretStr = Field(
        SecretStr(LOCAL_SECRET), description="signs the URLs of pictures; at least 32 characters in production"
    )
    admin_email: str = Field("", description="the first administrator, created at startup if there is none")
    admin_password: SecretStr = SecretStr("")
    access_token_minutes: int = Field(15, ge=1, le=60)
    trusted_proxies: Annotated[tuple[Network, ...] | None, NoDecode, BeforeValidator(_networks)] = Field(
        None, description="proxies whose X-Forwarded-For is trusted: addresses and networks, separated by commas"
    )
    reveals_account_existence: bool | None = Field(
        None,
        description="whether registration and check-email tell that an address is taken; by default in local mode",
    )
    unique_phones: bool = Field(True, description="whether a phone number belongs to one account only")
    sign_in_failures_per_minute: int | None = Field(
        None, ge=1, description="per address; by default 10, and 100 in local mode, where all share one address"
    )
    audit_days: int = Field(400, ge=1)
    deleted_days: int = Field(30, ge=1, description="how long a deleted account can be restored before it is erased")
    public_url: str = Field("", description="where clients reach the gateway; by default the issuer")
    passkey_site: str = Field("", description="the domain that passkeys are bound to; by default the public URL's host")
    passkey_origins: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names)] = Field(
        (), description="origins of further pages and applications that use passkeys, separated by commas"
    )

    oidc_file: str = Field("", description="a TOML file with the issuers whose accounts sign in here; none without it")

    @model_validator(mode="after")
    def _by_mode(self) -> Self:
        for name in ("key_secret", "mail_secret", "media_secret"):
            if self.is_production and len(getattr(self, name).get_secret_value()) < MIN_SECRET_LENGTH:
                raise ValueError(f"DUKAN_{name.upper()} needs at least {MIN_SECRET_LENGTH} characters")
        if self.trusted_proxies is None:
            self.trusted_proxies = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
        if self.reveals_account_existence is None:
            self.reveals_account_existence = not self.is_production
        if self.sign_in_failures_per_minute is None:
            self.sign_in_failures_per_minute = 10 if self.is_production else 100
        self.public_url = (self.public_url or self.issuer).rstrip("/")
        return self
