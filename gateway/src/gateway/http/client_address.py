"""The client's address, behind the load balancers and proxies that the operator trusts."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from gateway.http.headers import RequestHeaders

Address = IPv4Address | IPv6Address
UNKNOWN = "unknown"
MAX_WARNINGS = 20

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Client:
    """`ip` as text, `key` for limits (an IPv6 /64 counts as one client), `proto` http or https."""

    ip: str
    key: str
    proto: str
    is_loopback: bool


class TrustedProxies:
    """Believes X-Forwarded-* headers from these networks only."""

    def __init__(self, networks: Sequence[IPv4Network | IPv6Network]) -> None:
        self._networks = tuple(networks)
        self._warned_about: set[str] = set()

    def identify(self, peer: str | None, scheme: str, headers: RequestHeaders) -> Client:
        """The client: the nearest address that is not a trusted proxy."""
        forwarded = headers.get(b"x-forwarded-for")
        if forwarded is None and not self._networks:
            return _client(peer or UNKNOWN, scheme)
        address = _parsed(peer or UNKNOWN)
        if address is None or not self._is_trusted(address):
            if address is not None and forwarded is not None:
                self._warn(address)
            return _client(peer or UNKNOWN, scheme)
        hops = [hop for hop in map(_parsed, map(str.strip, (forwarded or "").split(","))) if hop is not None]
        nearest = next((hop for hop in reversed(hops) if not self._is_trusted(hop)), hops[0] if hops else address)
        proto = (headers.get(b"x-forwarded-proto") or scheme).split(",")[-1].strip().lower()
        return _client(str(nearest), proto if proto in ("http", "https") else scheme)

    def _is_trusted(self, address: Address) -> bool:
        return any(address in network for network in self._networks)

    def _warn(self, address: Address) -> None:
        """Log once per peer that looks like a proxy and is not trusted: all its clients share one limit."""
        if not address.is_private or address.is_loopback or len(self._warned_about) >= MAX_WARNINGS:
            return
        if str(address) not in self._warned_about:
            self._warned_about.add(str(address))
            log.warning(
                "%s sends X-Forwarded-For but is not trusted: if it is your load balancer, all its clients share its"
                " limits until DUKAN_TRUSTED_PROXIES names it",
                address,
            )


UNKNOWN_CLIENT = Client(UNKNOWN, UNKNOWN, "http", is_loopback=False)


@lru_cache(maxsize=10_000)
def _client(text: str, proto: str) -> Client:
    address = _parsed(text)
    if address is None:
        return UNKNOWN_CLIENT
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
