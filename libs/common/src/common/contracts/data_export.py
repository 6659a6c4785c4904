"""What the services' responses to auth's ExportRequested have in common."""

from uuid import UUID

from pydantic import BaseModel, ConfigDict


class DataExportPart(BaseModel):
    """A part of the personal data that a service stores: gzip, split, each part encrypted for the data export.

    `part` counts from 0 to `parts` - 1. `sealed` is base64url, as `common.data_export` describes.
    """

    model_config = ConfigDict(frozen=True)

    export_id: UUID
    user_id: UUID
    part: int
    parts: int
    sealed: str
