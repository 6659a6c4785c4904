"""Passkeys, the limits of passkeys and challenges, and the relying party that passkeys are bound to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from typing import Literal
from urllib.parse import urlsplit

ChallengePurpose = Literal["register", "sign_in", "step_up"]

CHALLENGE_LIFETIME = timedelta(minutes=5)
CHALLENGE_BYTES = 32
MAX_OPEN_CHALLENGES = 200
"""Per address: many people share one, and some pages ask for a challenge when they load."""

MAX_PASSKEYS = 20
"""Per account."""

DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class CredentialDescriptor:
    """A passkey as options name it to an authenticator."""

    id: bytes
    transports: Sequence[str]


@dataclass(frozen=True, slots=True)
class RegisteredCredential:
    """A passkey that an authenticator has just created. `is_synced`: its owner has it on several devices."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    is_synced: bool


@dataclass(frozen=True, slots=True)
class Assertion:
    """A verified use of a passkey, with the authenticator's signature counter."""

    sign_count: int
    is_synced: bool


def relying_party_of(public_url: str) -> tuple[str, str]:
    """The relying party id that passkeys are bound to, and the origin of its pages.

    An IP address cannot be a relying party id: a loopback address becomes `localhost`.
    """
    parts = urlsplit(public_url)
    host = parts.hostname or ""
    rp_id = "localhost" if _is_loopback(host) else host
    port = f":{parts.port}" if parts.port not in (None, DEFAULT_PORTS.get(parts.scheme)) else ""
    return rp_id, f"{parts.scheme}://{rp_id}{port}"


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
