"""What the services' answers to auth's ExportRequested have in common."""

from uuid import UUID

from pydantic import BaseModel, ConfigDict


class DataExportPart(BaseModel):
    """A part of what a service keeps about a person: gzip, cut into pieces, each sealed for the export that asked.

    `part` counts from 0 up to `parts` - 1. `sealed` is base64url, as `common.data_export` describes.
    """

    model_config = ConfigDict(frozen=True)

    export_id: UUID
    user_id: UUID
    part: int
    parts: int
    sealed: str
