"""Billing's environment; each variable is documented in the README."""

from typing import Self

from pydantic import Field, SecretStr, field_validator, model_validator

from common.settings import ServiceSettings


class Settings(ServiceSettings):
    sandbox_payments: bool | None = Field(None, description="enable the sandbox provider; default: in local mode only")
    payment_timeout: float = Field(10.0, gt=0, le=600, description="seconds a call to a payment provider may take")
    payment_capacity: int = Field(128, ge=1, le=1000, description="concurrent calls to one provider, per process")

    stripe_secret_key: SecretStr | None = None
    stripe_webhook_secret: SecretStr | None = None
    stripe_url: str = "https://api.stripe.com"
    stripe_return_url: str | None = Field(None, description="where Stripe sends a customer back after 3-D Secure")

    @field_validator("stripe_secret_key", "stripe_webhook_secret", "stripe_return_url", mode="before")
    @classmethod
    def _empty_is_absent(cls, value: object) -> object:
        # Compose files and manifests pass variables with empty values.
        return value or None

    @property
    def enables_sandbox(self) -> bool:
        # In production every customer could pay with a sandbox token, so there it must be enabled explicitly.
        return not self.is_production if self.sandbox_payments is None else self.sandbox_payments

    @model_validator(mode="after")
    def _stripe_secrets_come_together(self) -> Self:
        if (self.stripe_secret_key is None) != (self.stripe_webhook_secret is None):
            raise ValueError("set both DUKAN_STRIPE_SECRET_KEY and DUKAN_STRIPE_WEBHOOK_SECRET, or neither")
        return self
