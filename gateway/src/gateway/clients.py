"""Who is at the other end of the connection, proxies of ours discounted."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from gateway.headers import Inbound

Address = IPv4Address | IPv6Address
UNKNOWN = "unknown"


log = logging.getLogger(__name__)

MOST_WARNINGS = 20


@dataclass(frozen=True, slots=True)
class Client:
    """`ip` as text, `key` what is counted together (an IPv6 /64 is one household), `proto` http or https."""

    ip: str
    key: str
    proto: str
    is_loopback: bool


class Clients:
    """Believes X-Forwarded-* from the trusted networks only."""

    def __init__(self, trusted: Sequence[IPv4Network | IPv6Network]) -> None:
        self._trusted = tuple(trusted)
        self._suspected: set[str] = set()

    def identify(self, peer: str | None, scheme: str, inbound: Inbound) -> Client:
        """The client: the nearest address that is no proxy of ours."""
        forwarded = inbound.get(b"x-forwarded-for")
        if forwarded is None and not self._trusted:
            return _client(peer or UNKNOWN, scheme)
        address = _parsed(peer or UNKNOWN)
        if address is None or not self._is_trusted(address):
            if address is not None and forwarded is not None:
                self._suspect(address)
            return _client(peer or UNKNOWN, scheme)
        known = [hop for hop in map(_parsed, map(str.strip, (forwarded or "").split(","))) if hop is not None]
        outside = next((hop for hop in reversed(known) if not self._is_trusted(hop)), known[0] if known else address)
        proto = (inbound.get(b"x-forwarded-proto") or scheme).split(",")[-1].strip().lower()
        return _client(str(outside), proto if proto in ("http", "https") else scheme)

    def _is_trusted(self, address: Address) -> bool:
        return any(address in network for network in self._trusted)

    def _suspect(self, address: Address) -> None:
        """Tell once when what looks like a proxy of ours is not believed: its clients then count as one."""
        if not address.is_private or address.is_loopback or len(self._suspected) >= MOST_WARNINGS:
            return
        if str(address) not in self._suspected:
            self._suspected.add(str(address))
            log.warning(
                "%s sends X-Forwarded-For and is not believed: if it is a load balancer of yours, all its clients share"
                " its limits until DUKAN_TRUSTED_PROXIES names it",
                address,
            )


NOBODY = Client(UNKNOWN, UNKNOWN, "http", is_loopback=False)


@lru_cache(maxsize=10_000)
def _client(text: str, proto: str) -> Client:
    address = _parsed(text)
    if address is None:
        return NOBODY
    return Client(str(address), _key(address), proto, address.is_loopback)


@lru_cache(maxsize=10_000)
def _parsed(text: str) -> Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


@lru_cache(maxsize=10_000)
def _key(address: Address) -> str:
    return str(address) if address.version == 4 else str(IPv6Network((address, 64), strict=False))
