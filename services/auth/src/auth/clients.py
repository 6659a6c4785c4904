"""The client of a request: its address, and the network that its attempts are counted against."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

UNKNOWN = IPv4Address(0)


@dataclass(frozen=True, slots=True)
class Client:
    """`request_id` links the audit to the logs and events of the same request. `device_token` is what a sign-in gave to
    the device, as the client sent it."""

    address: Address
    user_agent: str | None = None
    request_id: str | None = None
    device_token: str | None = None


def client_address(peer: str, forwarded_for: str, trusted: Sequence[Network]) -> Address:
    """The last address on the way here that is not a trusted proxy.

    `forwarded_for` is the X-Forwarded-For header, read from its end: entries before the first untrusted address were
    written by a sender whom we do not trust.
    """
    address = _parse(peer) or UNKNOWN
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


def is_within(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)


def _parse(text: str) -> Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
