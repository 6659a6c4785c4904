"""Who is at the other end of the connection, proxies of ours discounted."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from gateway.headers import Inbound

Address = IPv4Address | IPv6Address
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Client:
    """`ip` as text, `key` what is counted together (an IPv6 /64 is one household), `proto` http or https."""

    ip: str
    key: str
    proto: str
    chain: str
    is_loopback: bool


class Clients:
    """Believes X-Forwarded-* from the trusted networks only."""

    def __init__(self, trusted: Sequence[IPv4Network | IPv6Network]) -> None:
        self._trusted = tuple(trusted)

    def identify(self, peer: str | None, scheme: str, inbound: Inbound) -> Client:
        """The client: the nearest address that is no proxy of ours."""
        if not self._trusted:
            return _direct(peer or UNKNOWN, scheme)
        address = _parsed(peer or UNKNOWN)
        if address is None or not self._is_trusted(address):
            return _direct(peer or UNKNOWN, scheme)
        hops = [hop.strip() for hop in (inbound.get(b"x-forwarded-for") or "").split(",")]
        known = [hop for hop in map(_parsed, hops) if hop is not None]
        outside = next((hop for hop in reversed(known) if not self._is_trusted(hop)), known[0] if known else address)
        proto = (inbound.get(b"x-forwarded-proto") or scheme).split(",")[-1].strip().lower()
        return _client(outside, proto if proto in ("http", "https") else scheme, [*map(str, known), str(address)])

    def _is_trusted(self, address: Address) -> bool:
        return any(address in network for network in self._trusted)


NOBODY = Client(UNKNOWN, UNKNOWN, "http", UNKNOWN, is_loopback=False)


@lru_cache(maxsize=10_000)
def _direct(peer: str, proto: str) -> Client:
    """A client that no proxy of ours speaks for."""
    return _client(_parsed(peer), proto, chain=())


def _client(address: Address | None, proto: str, chain: Sequence[str]) -> Client:
    if address is None:
        return NOBODY
    ip = str(address)
    return Client(ip, _key(address), proto, ", ".join(chain) or ip, address.is_loopback)


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
