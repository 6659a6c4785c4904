"""Catalog's environment, beyond what every service reads."""

from datetime import timedelta
from typing import ClassVar, Self

from pydantic import Field, SecretStr, model_validator

from catalog.media.domain import ImageLimits, MediaQuota
from common.money import Currency
from common.security.encryption import LOCAL_SECRET, MIN_SECRET_LENGTH
from common.settings import ServiceSettings


class Settings(ServiceSettings):
    required_in_production: ClassVar[tuple[str, ...]] = (*ServiceSettings.required_in_production, "media_secret")

    currency: Currency = Field("TZS", description="of prices given without one")
    reservation_minutes: int = Field(30, ge=1, description="until orders is asked about reserved stock")
    image_max_bytes: int = Field(10 * 1024 * 1024, gt=0)
    image_max_pixels: int = Field(40_000_000, gt=0)
    media_secret: SecretStr = Field(
        SecretStr(LOCAL_SECRET), description="signs the URLs of private pictures; at least 32 characters in production"
    )
    media_per_person: int = Field(200, ge=0, description="pictures that one person may keep beside the avatar")
    media_bytes_per_person: int = Field(200 * 1024 * 1024, ge=0, description="bytes of their originals")

    @property
    def reservation_timeout(self) -> timedelta:
        return timedelta(minutes=self.reservation_minutes)

    @property
    def image_limits(self) -> ImageLimits:
        return ImageLimits(self.image_max_bytes, self.image_max_pixels)

    @property
    def media_quota(self) -> MediaQuota:
        return MediaQuota(self.media_per_person, self.media_bytes_per_person)

    @model_validator(mode="after")
    def _check_media_secret(self) -> Self:
        if self.is_production and len(self.media_secret.get_secret_value()) < MIN_SECRET_LENGTH:
            raise ValueError(f"DUKAN_MEDIA_SECRET needs at least {MIN_SECRET_LENGTH} characters")
        return self
