"""Events of operations."""

from typing import ClassVar

from common.contracts.data_export import DataExportPart
from common.contracts.event import Event


class OperationsDataGathered(DataExportPart, Event):
    """A part of the personal data that operations stores about a user, for a data export."""

    type: ClassVar[str] = "operations.personal_data.gathered.v1"
    subject_field: ClassVar[str] = "export_id"
