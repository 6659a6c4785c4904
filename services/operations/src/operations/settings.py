"""What operations reads from its environment, beside what every service reads."""

from pydantic import Field

from common.settings import ServiceSettings


class Settings(ServiceSettings):
    keep_events_days: int = Field(365, ge=1, description="how long the journal remembers")
    keep_requests_days: int = Field(30, ge=1, description="how long the request log remembers")
    keep_dead_letters_days: int = Field(90, ge=1, description="how long decided dead letters are kept; others stay")
