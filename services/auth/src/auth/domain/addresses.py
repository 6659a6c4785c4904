"""Which address a request comes from, and which one to count it against."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

NOWHERE = IPv4Address(0)


def client_address(peer: str, forwarded_for: str, trusted: Sequence[Network]) -> Address:
    """The address nearest to us that is no trusted proxy.

    `forwarded_for` is the X-Forwarded-For header, read from its end: what stands before the first address that we do
    not trust was written by someone whom we do not trust.
    """
    address = _parse(peer) or NOWHERE
    for hop in reversed(forwarded_for.split(",")):
        claimed = _parse(hop.strip())
        if claimed is None or not is_within(address, trusted):
            break
        address = claimed
    return address


def neighbourhood(address: Address) -> str:
    """What to throttle: an IPv4 address, or an IPv6 /64, which is what one subscriber gets."""
    if isinstance(address, IPv6Address):
        return str(ip_network((address, 64), strict=False))
    return str(address)


def _parse(text: str) -> Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def is_within(address: Address, networks: Sequence[Network]) -> bool:
    """Whether one of the networks has the address."""
    return any(address in network for network in networks)
