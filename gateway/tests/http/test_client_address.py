"""The client's address behind load balancers, and the warning about untrusted ones."""

import logging

import pytest
from pydantic import ValidationError

from gateway.http.client_address import TrustedProxies
from gateway.http.headers import RequestHeaders
from gateway.settings import Settings

BALANCER = "10.0.0.5"


def headers(forwarded_for: str | None = None) -> RequestHeaders:
    return RequestHeaders([], {} if forwarded_for is None else {b"x-forwarded-for": forwarded_for})


def proxies(networks: str = "") -> TrustedProxies:
    return TrustedProxies(Settings.model_validate({"trusted_proxies": networks}).trusted_proxies)


@pytest.mark.parametrize(
    ("trusted", "forwarded_for", "ip"),
    [
        ("", "203.0.113.9", BALANCER),
        ("10.0.0.0/24", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.0/24", "6.6.6.6, 10.9.9.9", "10.9.9.9"),
        ("10.0.0.0/8", "6.6.6.6, 203.0.113.9, 10.9.9.9", "203.0.113.9"),
        ("10.0.0.0/8", "10.9.9.8, 10.9.9.9", "10.9.9.8"),
        ("10.0.0.0/24", "9.9.9.9, 5.6.7.8:4433", "5.6.7.8"),
        ("10.0.0.0/24", "9.9.9.9, [2001:db8::1]:4433", "2001:db8::1"),
        ("10.0.0.0/8", "9.9.9.9, 5.6.7.8, 10.9.9.9:4433", "5.6.7.8"),
        ("10.0.0.0/24", "nonsense", BALANCER),
        ("10.0.0.0/24", "9.9.9.9, nonsense", BALANCER),
        ("10.0.0.0/24", "9.9.9.9,", BALANCER),
        ("10.0.0.0/24", "9.9.9.9, 2001:db8::1]:4433", BALANCER),
        ("10.0.0.0/8", "9.9.9.9, unknown, 10.9.9.9", "10.9.9.9"),
        ("10.0.0.0/24", None, BALANCER),
        ("fd00::/8, 10.0.0.5", "2001:db8::1", "2001:db8::1"),
    ],
)
def test_the_client_is_the_nearest_address_that_is_not_a_trusted_proxy(
    trusted: str, forwarded_for: str | None, ip: str
) -> None:
    assert proxies(trusted).identify(BALANCER, "http", headers(forwarded_for)).ip == ip


def test_an_untrusted_peer_that_looks_like_a_proxy_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    trusted = proxies("10.1.0.0/16")
    for peer in (BALANCER, BALANCER, "127.0.0.1", "8.8.8.8", "192.168.7.7"):
        trusted.identify(peer, "http", headers("203.0.113.9"))
    trusted.identify("10.0.0.6", "http", headers())
    trusted.identify("10.1.0.6", "http", headers("203.0.113.9"))

    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert [message.split()[0] for message in warnings] == [BALANCER, "192.168.7.7"]
    assert all("DUKAN_TRUSTED_PROXIES" in message for message in warnings)


@pytest.mark.parametrize("networks", ["0.0.0.0/0", "10.0.0.0/8, ::/0"])
def test_trusting_all_networks_is_rejected(networks: str) -> None:
    with pytest.raises(ValidationError, match="any address"):
        proxies(networks)
