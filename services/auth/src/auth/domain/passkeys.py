"""What passkeys and the challenges they answer are good for."""

from datetime import timedelta
from ipaddress import ip_address
from typing import Literal
from urllib.parse import urlsplit

ChallengePurpose = Literal["register", "sign_in", "step_up"]

CHALLENGE_LASTS = timedelta(minutes=5)
CHALLENGE_BYTES = 32
MOST_OPEN = 200
"""Challenges that one address may have waiting: many people behind one address, and pages that ask when they load."""

MOST_PASSKEYS = 20
"""That one account may have."""

PORTS = {"http": 80, "https": 443}


def site_of(public_url: str) -> tuple[str, str]:
    """The name that passkeys are bound to, and the origin of its pages. An address cannot be such a name: on the
    machine at hand it is called localhost."""
    parts = urlsplit(public_url)
    host = parts.hostname or ""
    site = "localhost" if _is_loopback(host) else host
    port = f":{parts.port}" if parts.port not in (None, PORTS.get(parts.scheme)) else ""
    return site, f"{parts.scheme}://{site}{port}"


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
