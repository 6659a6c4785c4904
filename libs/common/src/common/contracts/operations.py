"""Events of operations."""

from typing import ClassVar

from common.contracts.data_export import DataExportPart
from common.contracts.event import Event


class OperationsDataGathered(DataExportPart, Event):
    """A part of what operations keeps about a person, for the export that asked."""

    type: ClassVar[str] = "operations.personal_data.gathered.v1"
    subject_field: ClassVar[str] = "export_id"
