"""What messaging reads from its environment, beside the settings of every service."""

from pydantic import Field

from common.settings import ServiceSettings


class Settings(ServiceSettings):
    messages_per_day: int = Field(1000, ge=0, description="messages that one user may send per day")
    channel_timeout: float = Field(20.0, gt=0, le=120, description="seconds one call to a channel's provider may take")
