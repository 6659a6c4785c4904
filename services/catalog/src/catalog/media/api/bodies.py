"""The response body of images."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, Field

from catalog.fields import ImageUrl, VariantUrls
from catalog.media.domain import VARIANTS, Visibility, variant_paths
from common.security.media_urls import MediaUrls


class MediaView(BaseModel):
    """An image. `url` and `variants` are set once it is ready, `reason` if it was rejected. Everyone who has the URL
    of a private image can load it, for one to two hours."""

    id: UUID
    visibility: Visibility
    is_avatar: Annotated[bool, Field(examples=[False])]
    state: Literal["pending", "ready", "rejected"]
    reason: Annotated[str | None, Field(examples=[None])]
    content_type: Annotated[str, Field(examples=["image/jpeg"])]
    width: Annotated[int | None, Field(examples=[1200])]
    height: Annotated[int | None, Field(examples=[900])]
    url: ImageUrl | None
    variants: VariantUrls
    created_at: datetime

    @classmethod
    def of(cls, media: Mapping[str, Any], urls: MediaUrls) -> Self:
        variants = _variant_urls(media["id"], media["visibility"], urls) if media["state"] == "ready" else {}
        return cls.model_validate(dict(media) | {"url": variants.get("large"), "variants": variants})


def _variant_urls(media_id: UUID, visibility: Visibility, urls: MediaUrls) -> dict[str, str]:
    if visibility == "public":
        return variant_paths(media_id)
    return {name: urls.signed(media_id, name) for name in VARIANTS}
