"""What operations reads from its environment, beside the settings of every service."""

from pydantic import Field

from common.settings import ServiceSettings


class Settings(ServiceSettings):
    keep_events_days: int = Field(365, ge=1, description="age at which journal events are deleted")
    keep_requests_days: int = Field(30, ge=1, description="age at which logged requests are deleted")
    keep_dead_letters_days: int = Field(
        90, ge=1, description="time after its decision at which a dead letter is deleted; waiting ones stay"
    )
