"""Catalog's environment, beyond what every service reads."""

from datetime import timedelta

from pydantic import Field

from common.settings import ServiceSettings


class Settings(ServiceSettings):
    currency: str = Field("TZS", pattern=r"^[A-Z]{3}$", description="of prices given without one")
    reservation_minutes: int = Field(30, ge=1, description="until orders is asked about stock it holds")
    image_max_bytes: int = Field(10 * 1024 * 1024, gt=0)
    image_max_pixels: int = Field(40_000_000, gt=0)

    @property
    def hold(self) -> timedelta:
        return timedelta(minutes=self.reservation_minutes)
