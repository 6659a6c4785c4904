"""The gateway's environment."""

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_settings import NoDecode

from common.settings import ServiceSettings
from gateway.routing.routes import SERVICES


def _split(value: Any) -> Any:
    """Lists in environment variables are separated by commas."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _not_all_addresses(network: IPv4Network | IPv6Network) -> IPv4Network | IPv6Network:
    if network.prefixlen == 0:
        raise ValueError("would let every client claim any address: name the load balancer's network")
    return network


OptionalPath = Annotated[Path | None, BeforeValidator(lambda value: value or None)]
LimitNames = Annotated[tuple[Literal["ip", "credential", "write", "sign-in"], ...], NoDecode, BeforeValidator(_split)]
Strings = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
Network = Annotated[IPv4Network | IPv6Network, AfterValidator(_not_all_addresses)]
Networks = Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_split)]


METRICS_PORT = 9464
"""The port of OpenTelemetry's Prometheus exporter."""


class Settings(ServiceSettings):
    renamed: ClassVar[Mapping[str, str]] = {"DUKAN_LONGEST_TIMEOUT": "DUKAN_MAX_TIMEOUT"}
    required_in_production: ClassVar[tuple[str, ...]] = (
        "amqp_url",
        "issuer",
        "audience",
        *(f"{service}_url" for service in SERVICES),
    )

    max_body_bytes: int = Field(12 * 1024 * 1024, gt=0)
    max_header_bytes: int = Field(32 * 1024, gt=0)
    max_headers: int = Field(100, gt=0)
    max_in_flight: int = Field(1000, gt=0, description="requests in flight per service")
    max_streams: int = Field(5000, gt=0, description="open WebSockets, streams and long responses, in all")

    max_bodies: int = Field(1000, gt=0, description="request bodies that are still arriving, in all")
    max_bodies_per_address: int = Field(100, gt=0, description="the same, of one client address")

    connect_timeout: float = Field(2.0, gt=0)
    client_idle_timeout: float = Field(30.0, gt=0, description="seconds a client may pause in a body, in all")
    min_body_rate: float = Field(1000.0, gt=0, description="bytes per second at which a body has to arrive")
    max_body_seconds: float = Field(1800.0, gt=0, description="seconds that a body may take to arrive")
    max_timeout: float = Field(60.0, gt=0, description="upper bound of the route table's time-outs")
    upstream_max_age: float = Field(30.0, gt=0, description="seconds after which a connection to a service is replaced")
    upstream_idle_timeout: float = Field(60.0, gt=0, description="seconds a service may pause while it responds")

    metrics_public: bool = Field(False, description="whether /metrics is served to clients; default: in local mode")
    metrics_port: int = Field(
        0, ge=0, le=65535, description="where only /metrics is served; 0: nowhere; default outside local mode: 9464"
    )

    cache_bytes: int = Field(32 * 1024 * 1024, ge=0, description="for public responses; 0 turns the cache off")
    cache_entries: int = Field(10_000, gt=0)

    trusted_proxies: Networks = Field((), description="networks whose X-Forwarded-* headers are trusted")
    cors_origins: Strings = Field((), description="web origins whose pages may call; local mode adds localhost")

    routes_file: OptionalPath = Field(None, description="changes to routes and limits; read again on SIGHUP")
    redis_url: str | None = Field(None, description="where gateways share limits; without it each has its own")
    limits_closed: LimitNames = Field((), description="limits that reject every request while Redis is unavailable")
    # Requests per second and burst. The server of a web shop is one IP: these are generous.
    ip_rate: float = Field(300.0, gt=0)
    ip_burst: int = Field(1500, gt=0)
    credential_rate: float = Field(100.0, gt=0)
    credential_burst: int = Field(500, gt=0)
    write_rate: float = Field(30.0, gt=0, description="per second and user, or IP of an anonymous client")
    write_burst: int = Field(150, gt=0)
    sign_in_rate: float = Field(10 / 60, gt=0, description="failed sign-ins per second and IP")
    sign_in_burst: int = Field(20, gt=0)

    @model_validator(mode="after")
    def _choose_metrics(self) -> Self:
        if "metrics_public" not in self.model_fields_set:
            self.metrics_public = self.mode == "local"
        if "metrics_port" not in self.model_fields_set and self.mode != "local":
            self.metrics_port = METRICS_PORT
        return self

    def url_of(self, service: str) -> str:
        """The service's URL, without a trailing slash."""
        url: str = getattr(self, f"{service}_url")
        return url.rstrip("/")
