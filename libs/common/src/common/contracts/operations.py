"""Events of operations."""

from typing import ClassVar

from common.contracts.event import Event
from common.contracts.personal_data import PersonalDataPart


class OperationsDataGathered(PersonalDataPart, Event):
    """A part of what operations keeps about a person, for the export that asked."""

    type: ClassVar[str] = "operations.personal_data.gathered.v1"
    subject_field: ClassVar[str] = "export_id"
