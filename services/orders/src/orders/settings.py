"""This service's environment."""

from datetime import timedelta
from typing import Annotated, ClassVar

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from common.money import Currency
from common.settings import ServiceSettings
from orders.domain.order import Deadlines


class Settings(ServiceSettings):
    """Durations are in seconds. In production the payment providers must be chosen: the sandbox gives goods away."""

    required_in_production: ClassVar[tuple[str, ...]] = (
        *ServiceSettings.required_in_production,
        "catalog_url",
        "payment_providers",
    )

    port: int = Field(8003, ge=0, le=65535)
    currency: Currency = Field("TZS", description="of an empty cart")
    payment_providers: Annotated[tuple[str, ...], NoDecode] = Field(
        ("sandbox",), min_length=1, description="names, separated by commas; the first is the default"
    )
    stock_deadline: float = Field(60, gt=0, description="for catalog to answer about the stock of an order")
    payment_deadline: float = Field(900, gt=0, description="for an order to be paid")
    most_pending: int = Field(2000, ge=1, description="checkouts without an answer of catalog; more are turned away")
    catalog_timeout: float = Field(2, gt=0, description="for catalog to tell a price that no event has told")

    @field_validator("payment_providers", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(name.strip() for name in value.split(",") if name.strip()) if isinstance(value, str) else value

    @property
    def deadlines(self) -> Deadlines:
        return Deadlines(stock=timedelta(seconds=self.stock_deadline), payment=timedelta(seconds=self.payment_deadline))
