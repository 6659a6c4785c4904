"""Types of path parameters and body fields that several features use."""

from typing import Annotated, Any, ClassVar
from uuid import UUID

from fastapi import Path
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
)

from catalog.slugs import slugify
from common.ids import canonical_uuid
from common.web import fields
from common.web.people import NAME
from common.web.text import NFC, nfc

KEY = r"^[^\x00-\x20\x7f./;\\]+$"
Key = Annotated[str, Path(pattern=KEY, description="the id or the slug", examples=["kanga-pair"])]
ById = Annotated[UUID, Path(alias="key", description="the id")]
"""OpenAPI forbids two names for one path template, so a path read by id or slug keeps the name `key` for changes."""


def key_of(text: str) -> UUID | str:
    """The id if the text is one, otherwise the slug."""
    try:
        return canonical_uuid(text)
    except ValueError:
        return nfc(text.casefold())


def _slug(text: str) -> str:
    if slugify(text, fallback="") != text or isinstance(key_of(text), UUID):
        raise ValueError("a slug is lower-case words joined by hyphens, at most 80 characters, and no id")
    return text


def _text(max_length: int) -> StringConstraints:
    return StringConstraints(strip_whitespace=True, min_length=1, max_length=max_length)


Slug = Annotated[fields.Slug, AfterValidator(_slug), NFC]
Title = Annotated[fields.Title, _text(200), NAME, NFC]
Sku = Annotated[fields.Sku, _text(64), NAME, NFC]
CategoryNameText = Annotated[str, Field(examples=["Fabrics"])]
CategoryName = Annotated[CategoryNameText, _text(120), NAME, NFC]
BrandText = Annotated[str, Field(examples=["Ukerewe Weavers"])]
Brand = Annotated[BrandText, _text(120), NAME, NFC]
_IMAGE = "/api/v1/media/019c1f0c-7a10-7b3e-9f52-6a1f0c9d2e11"
ImageUrl = Annotated[str, Field(examples=[f"{_IMAGE}/large"])]
VariantUrls = Annotated[
    dict[str, str], Field(examples=[{size: f"{_IMAGE}/{size}" for size in ("thumb", "medium", "large")}])
]


def _without_null(schema: dict[str, Any], model: type[Any]) -> None:
    """Remove null from the schema of fields that may only be left out; pydantic documents both as `None`."""
    for name, field in schema["properties"].items():
        if "anyOf" in field and name not in model.clearable:
            [other] = [kind for kind in field.pop("anyOf") if kind != {"type": "null"}]
            field.pop("default", None)
            field.update(other)


class Change(BaseModel):
    """The body of a PATCH: fields that are left out keep their value. Only `clearable` fields accept null."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=_without_null)

    clearable: ClassVar[frozenset[str]] = frozenset()

    @field_validator("*")
    @classmethod
    def _not_null(cls, value: object, info: ValidationInfo) -> object:
        if value is None and info.field_name not in cls.clearable:
            raise ValueError("leave it out rather than set it to null")
        return value
