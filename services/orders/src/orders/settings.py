"""This service's environment."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from common.money import Currency
from common.settings import ServiceSettings

SANDBOX = "sandbox"


class Settings(ServiceSettings):
    """Durations are in seconds. Production must choose its payment providers: the sandbox takes no money."""

    renamed: ClassVar[Mapping[str, str]] = {
        **ServiceSettings.renamed,
        "DUKAN_MOST_PENDING": "DUKAN_MAX_PENDING_CHECKOUTS",
    }
    required_in_production: ClassVar[tuple[str, ...]] = (
        *ServiceSettings.required_in_production,
        "catalog_url",
        "payment_providers",
    )

    port: int = Field(8003, ge=0, le=65535)
    currency: Currency = Field("TZS", description="of an empty cart")
    payment_providers: Annotated[tuple[str, ...], NoDecode] = Field(
        ("sandbox",),
        min_length=1,
        description="names, separated by commas; the first is the default, but the sandbox only in local mode",
    )
    stock_deadline: float = Field(60, gt=0, description="for catalog to answer about the stock of an order")
    payment_deadline: float = Field(900, gt=0, description="for an order to be paid")
    max_pending_checkouts: int = Field(
        2000, ge=1, description="orders that wait for catalog; at this number, checkouts are rejected"
    )
    catalog_timeout: float = Field(2, gt=0, description="for catalog to answer about a missing price")

    @property
    def default_payment_provider(self) -> str | None:
        """Pays for a checkout that names no provider; None if each has to."""
        first = self.payment_providers[0]
        return None if self.is_production and first == SANDBOX else first

    @field_validator("payment_providers", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(name.strip() for name in value.split(",") if name.strip()) if isinstance(value, str) else value
