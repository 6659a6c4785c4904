"""The gateway's environment."""

from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_settings import NoDecode

from common.settings import ServiceSettings
from gateway.routes import SERVICES


def _listed(value: Any) -> Any:
    """Environment variables list by commas."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _not_everybody(network: IPv4Network | IPv6Network) -> IPv4Network | IPv6Network:
    if network.prefixlen == 0:
        raise ValueError("would let everybody claim any address: name the load balancer's network")
    return network


OptionalPath = Annotated[Path | None, BeforeValidator(lambda value: value or None)]
LimitNames = Annotated[tuple[Literal["ip", "credential", "write", "sign-in"], ...], NoDecode, BeforeValidator(_listed)]
Listed = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)]
Network = Annotated[IPv4Network | IPv6Network, AfterValidator(_not_everybody)]
Networks = Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_listed)]


class Settings(ServiceSettings):
    required_in_production: ClassVar[tuple[str, ...]] = (
        "amqp_url",
        "issuer",
        "audience",
        *(f"{service}_url" for service in SERVICES),
    )

    max_body_bytes: int = Field(12 * 1024 * 1024, gt=0)
    max_header_bytes: int = Field(32 * 1024, gt=0)
    max_headers: int = Field(100, gt=0)
    max_in_flight: int = Field(1000, gt=0, description="requests that one service may be working on")
    max_streams: int = Field(5000, gt=0, description="WebSockets, streams and long answers open at a time, in all")

    connect_timeout: float = Field(2.0, gt=0)
    client_idle_timeout: float = Field(30.0, gt=0, description="seconds a client may pause while it sends a body")
    longest_timeout: float = Field(60.0, gt=0, description="caps what the route table allows a service")
    upstream_idle_timeout: float = Field(60.0, gt=0, description="seconds a service may pause while it answers")

    cache_bytes: int = Field(32 * 1024 * 1024, ge=0, description="for public answers; 0 keeps none")
    cache_entries: int = Field(10_000, gt=0)

    trusted_proxies: Networks = Field((), description="whose X-Forwarded-* headers are believed")
    cors_origins: Listed = Field((), description="web origins whose pages may call; local mode adds localhost")

    routes_file: OptionalPath = Field(None, description="what is different about routes and limits; SIGHUP rereads")
    redis_url: str | None = Field(None, description="where gateways count together; each for itself without")
    limits_closed: LimitNames = Field((), description="limits that let nobody in while Redis is away")
    # Requests per second and how many may come at once. A shop front's own server is one IP: these are generous.
    ip_rate: float = Field(300.0, gt=0)
    ip_burst: int = Field(1500, gt=0)
    credential_rate: float = Field(100.0, gt=0)
    credential_burst: int = Field(500, gt=0)
    write_rate: float = Field(30.0, gt=0, description="per second and user, or IP of one without")
    write_burst: int = Field(150, gt=0)
    sign_in_rate: float = Field(10 / 60, gt=0, description="failed sign-ins per second and IP")
    sign_in_burst: int = Field(20, gt=0)

    def url_of(self, service: str) -> str:
        """Where the service answers, without a slash at the end."""
        url: str = getattr(self, f"{service}_url")
        return url.rstrip("/")
