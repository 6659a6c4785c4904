"""The base of every event."""

import re
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

WIRE_TYPE = re.compile(r"^[a-z]+(\.[a-z_]+){2}\.v[0-9]+$")

registry: dict[str, type["Event"]] = {}


class Event(BaseModel):
    """A fact in the past tense. Holds data only; its id, time and cause are attributes of the CloudEvent.

    Unknown fields are ignored, so a consumer keeps working when a publisher adds one.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    type: ClassVar[str]
    """Wire type and routing key: `<context>.<entity>.<past_participle>.v<N>`."""

    subject_field: ClassVar[str]
    """The field that identifies what the event is about; events of one subject keep their order."""

    @property
    def subject(self) -> str:
        return str(getattr(self, self.subject_field))

    @classmethod
    def source(cls) -> str:
        """The context that publishes this event."""
        return cls.type.split(".", 1)[0]

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        if not WIRE_TYPE.match(cls.type):
            raise TypeError(f"{cls.__name__}.type {cls.type!r} is not <context>.<entity>.<past_participle>.v<N>")
        if cls.subject_field not in cls.model_fields:
            raise TypeError(f"{cls.__name__}.subject_field {cls.subject_field!r} is not a field")
        if registry.setdefault(cls.type, cls) is not cls:
            raise TypeError(f"{cls.type} is claimed by {registry[cls.type].__name__} and {cls.__name__}")
