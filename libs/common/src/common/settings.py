"""Settings that every service reads from its environment (prefix `DUKAN_`) or from a `.env` file.

A service subclasses ServiceSettings with its own fields. Local mode has defaults for a developer's machine; in
production, startup fails if a required variable is missing, and names it.
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, DotEnvSettingsSource, EnvSettingsSource, SettingsConfigDict

from common.people.phones import check_region

BASE_PORT = 8000


class ServiceSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="DUKAN_", env_file=".env", extra="ignore", populate_by_name=True)

    # A subclass extends it: `required_in_production = (*ServiceSettings.required_in_production, "stripe_key")`.
    renamed: ClassVar[Mapping[str, str]] = {}
    """Variables that have a new name: old → new. One that is still set is an error that names the new one."""

    required_in_production: ClassVar[tuple[str, ...]] = ("database_url", "amqp_url", "issuer", "audience", "auth_url")

    mode: Literal["local", "production"] = "local"
    host: str = "127.0.0.1"
    port: int = Field(BASE_PORT, ge=0, le=65535)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    data_dir: str = ".dukan"

    database_url: SecretStr = SecretStr("postgresql://127.0.0.1:5432/dukan")
    database_pool_size: int = Field(10, ge=1, le=200)
    amqp_url: SecretStr = SecretStr("amqp://guest:guest@127.0.0.1:5672/")

    issuer: str = "https://dukan.local"
    audience: str = "dukan"
    auth_url: str = f"http://127.0.0.1:{BASE_PORT + 1}"
    catalog_url: str = f"http://127.0.0.1:{BASE_PORT + 2}"
    orders_url: str = f"http://127.0.0.1:{BASE_PORT + 3}"
    billing_url: str = f"http://127.0.0.1:{BASE_PORT + 4}"
    messaging_url: str = f"http://127.0.0.1:{BASE_PORT + 5}"
    notifications_url: str = f"http://127.0.0.1:{BASE_PORT + 6}"
    operations_url: str = f"http://127.0.0.1:{BASE_PORT + 7}"
    jwks_url: str = ""

    drain_seconds: float = Field(20.0, ge=0, le=600, description="from the request to stop until requests are cut off")
    drain_delay: float = Field(
        5.0, ge=0, le=600, description="of these: new connections are accepted until load balancers have noticed"
    )
    request_timeout: float = Field(5.0, gt=0, description="seconds that a call to another service may take")
    max_body_bytes: int = Field(2 * 1024 * 1024, gt=0)
    phone_region: Annotated[str, AfterValidator(check_region)] = Field(
        "", description="country (ISO 3166) of telephone numbers without a country code; without it they are refused"
    )
    trace_sample_ratio: float = Field(
        1.0, ge=0, le=1, description="share of sampled traces among those that begin here"
    )
    otel_endpoint: str | None = Field(None, validation_alias="OTEL_EXPORTER_OTLP_ENDPOINT")

    @property
    def is_production(self) -> bool:
        return self.mode == "production"

    @model_validator(mode="before")
    @classmethod
    def _no_old_names(cls, values: Any) -> Any:
        given = {*EnvSettingsSource(cls).env_vars, *DotEnvSettingsSource(cls).env_vars}  # in lower case
        if found := [f"{old} is now {new}" for old, new in sorted(cls.renamed.items()) if old.lower() in given]:
            raise ValueError(", ".join(found))
        return values

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.is_production and (
            missing := [name for name in self.required_in_production if not self._is_given(name)]
        ):
            variables = ", ".join(f"DUKAN_{name.upper()}" for name in missing)
            raise ValueError(f"production needs {variables}")
        if not self.jwks_url:
            self.jwks_url = f"{self.auth_url.rstrip('/')}/api/v1/.well-known/jwks.json"
        return self

    def _is_given(self, name: str) -> bool:
        value = getattr(self, name)
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        return name in self.model_fields_set and text not in (None, "")
