"""Pieces of input that several resources share."""

from typing import Annotated, Any, ClassVar
from uuid import UUID

from fastapi import Depends, Path, Query
from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, ValidationInfo, field_validator

from catalog.domain.slugs import slugify
from common.errors import Forbidden, Unauthenticated
from common.web.dependencies import MaybeCaller

ById = Annotated[UUID, Path(alias="key", description="the id")]
"""A document may not name one place in two ways, so that what is read by id or slug is changed under the same name."""
KEY = r"^[^\x00-\x20\x7f./;\\]+$"
Key = Annotated[str, Path(pattern=KEY, description="the id or the slug")]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Code = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]


def _without_null(schema: dict[str, Any], model: type[Any]) -> None:
    """In the document too: pydantic knows only that the field may be absent, which it spells None."""
    for name, field in schema["properties"].items():
        if "anyOf" in field and name not in model.clearable:
            [other] = [kind for kind in field.pop("anyOf") if kind != {"type": "null"}]
            field.pop("default", None)
            field.update(other)


def _slug(text: str) -> str:
    if slugify(text, fallback="") != text or is_id(text):
        raise ValueError("a slug is lower-case words joined by hyphens, at most 80 characters, and no id")
    return text


def key_of(text: str) -> UUID | str:
    """An id when it reads as one, else a slug."""
    try:
        return UUID(text)
    except ValueError:
        return text.casefold()


def is_id(text: str) -> bool:
    return isinstance(key_of(text), UUID)


Slug = Annotated[str, AfterValidator(_slug)]


class Change(BaseModel):
    """A partial change: what is not given stays. Only the `clearable` fields may be set to null."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=_without_null)

    clearable: ClassVar[frozenset[str]] = frozenset()

    @field_validator("*")
    @classmethod
    def _not_null(cls, value: object, info: ValidationInfo) -> object:
        if value is None and info.field_name not in cls.clearable:
            raise ValueError("leave it out rather than set it to null")
        return value


async def _include_inactive(
    caller: MaybeCaller,
    include_inactive: Annotated[bool, Query(description="staff only: also what is not active")] = False,
) -> bool:
    if include_inactive:
        if caller is None:
            raise Unauthenticated
        if not caller.may("offer.manage"):
            raise Forbidden("Only staff see what is not active")
    return include_inactive


IncludeInactive = Annotated[bool, Depends(_include_inactive)]
