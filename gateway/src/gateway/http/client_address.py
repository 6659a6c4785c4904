"""The client's address, behind the load balancers and proxies that the operator trusts."""

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from gateway.http.headers import RequestHeaders

Address = IPv4Address | IPv6Address
UNKNOWN = "unknown"
MAX_WARNINGS = 20
ADDRESS_AND_PORT = re.compile(r"([0-9.]+):[0-9]{1,5}|\[([0-9A-Fa-f:.]+)\]:[0-9]{1,5}")
"""Some load balancers write the client's port as well."""

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
        nearest = self._nearest(address, forwarded or "")
        proto = (headers.get(b"x-forwarded-proto") or scheme).split(",")[-1].strip().lower()
        return _client(str(nearest), proto if proto in ("http", "https") else scheme)

    def _nearest(self, proxy: Address, forwarded: str) -> Address:
        """The nearest address before the trusted proxy that is not trusted, or the furthest trusted one.

        The header is read from its end, up to an entry that is no address: a sender whom we do not trust may have
        written all entries before it.
        """
        address = proxy
        for entry in reversed(forwarded.split(",")):
            hop = _hop(entry.strip())
            if hop is None:
                break
            address = hop
            if not self._is_trusted(address):
                break
        return address

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
def _hop(entry: str) -> Address | None:
    with_port = ADDRESS_AND_PORT.fullmatch(entry)
    return _parsed(with_port[1] or with_port[2] if with_port else entry)


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
