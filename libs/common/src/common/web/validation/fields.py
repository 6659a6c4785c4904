"""How FastAPI's fields validate here: unknown keys are errors, and errors have our codes."""

import math
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from fastapi import params
from fastapi.dependencies.models import Dependant
from pydantic import BaseModel, ValidationError

from common.web.validation.codes import INVALID_UUID, NOT_A_FILE, TOO_LARGE, UNSTORABLE, Meaning
from common.web.validation.locations import Locator, Path
from common.web.validation.problems import problem, problems_of

Field = Any
"""fastapi._compat.ModelField, which is not public."""

MAX_BIGINT = 2**63 - 1
REPLACED = "\ufffd"
"""What decoding leaves of bytes that are not UTF-8."""


def check_fields(dependant: Dependant) -> None:
    """Make every field of the route and its dependencies validate as described here."""
    for each in all_dependants(dependant):
        for field in each.body_params:
            _replace(field, _BodyField(field))
        for field in (*each.path_params, *each.query_params, *each.header_params, *each.cookie_params):
            _replace(field, _Parameter(field))


def _replace(field: Field, validate: object) -> None:
    field.validate = validate


def all_dependants(dependant: Dependant) -> Iterator[Dependant]:
    yield dependant
    for each in dependant.dependencies:
        yield from all_dependants(each)


class _BodyField:
    """Replaces `validate` of a field of the body: a JSON body, or a field of a form."""

    def __init__(self, field: Field) -> None:
        self._adapter = field._type_adapter  # noqa: SLF001 (has no public name)
        self._locator = Locator(self._adapter.core_schema)
        self._is_file = isinstance(field.field_info, params.File)

    def __call__(self, value: Any, _: Any = None, *, loc: Path = ()) -> tuple[Any, list[Any]]:
        try:
            return self._adapter.validate_python(value, extra="forbid"), []
        except ValidationError as error:
            if self._is_file:
                return None, [problem(NOT_A_FILE, loc[1:])]
            return None, problems_of(error, self._locator, loc[1:])


class _Parameter:
    """Replaces `validate` of a parameter: what its type accepts and the database does not is an error here."""

    def __init__(self, field: Field) -> None:
        self._adapter = field._type_adapter  # noqa: SLF001 (has no public name)
        self._locator = Locator(self._adapter.core_schema)

    def __call__(self, value: Any, _: Any = None, *, loc: Path = ()) -> tuple[Any, list[Any]]:
        path = loc[1:]
        if type(value) is str and _is_text(value):
            # Nearly every request: no generators, which cost 4 µs for three parameters.
            try:
                result = self._adapter.validate_python(value)
            except ValidationError as error:
                return None, problems_of(error, self._locator, path)
            meaning = None if type(result) is str else _rejection(value, result)
            return (result, []) if meaning is None else (None, [problem(meaning, path)])
        return self._check_all(value, path)

    def _check_all(self, value: Any, path: Path) -> tuple[Any, list[Any]]:
        """For several texts: those of a list, or of a model."""
        if found := [problem(UNSTORABLE, (*path, *place)) for place, text in _texts(value) if not _is_text(text)]:
            return None, found
        try:
            result = self._adapter.validate_python(value)
        except ValidationError as error:
            return None, problems_of(error, self._locator, path)
        found = [
            problem(meaning, (*path, *place))
            for place, sent, read in _values(value, result)
            if (meaning := _rejection(sent, read)) is not None
        ]
        return (None, found) if found else (result, [])


def _is_text(text: str) -> bool:
    """Decoded from bytes, it has no lone surrogates."""
    return "\x00" not in text and REPLACED not in text


def _texts(value: Any) -> Iterator[tuple[Path, str]]:
    """What the client sent: one text, a list of them, or those of a model by name."""
    if isinstance(value, str):
        yield (), value
    elif isinstance(value, Mapping):
        yield from (((name, *place), text) for name, item in value.items() for place, text in _texts(item))
    elif isinstance(value, list):
        yield from (((), text) for text in value if isinstance(text, str))


def _values(value: Any, result: Any) -> Iterator[tuple[Path, Any, Any]]:
    """The values that were sent, and as what they were read."""
    if isinstance(result, BaseModel):
        for name, declared in type(result).model_fields.items():
            alias = declared.alias or name
            if alias in value:
                yield (alias,), value[alias], getattr(result, name)
    elif isinstance(result, list):
        yield from (((), sent, read) for sent, read in zip(value, result, strict=False))
    else:
        yield (), value, result


def _rejection(sent: object, read: object) -> Meaning | None:
    """Why a value that its type accepts is not accepted; None if it is."""
    if isinstance(read, UUID):
        # UUID() reads `urn:uuid:…`, braces and no hyphens as well, so that one order would have several paths.
        return INVALID_UUID if isinstance(sent, str) and sent.lower() != str(read) else None
    if isinstance(read, int):
        return TOO_LARGE if abs(read) > MAX_BIGINT else None
    if isinstance(read, float):
        return None if math.isfinite(read) else TOO_LARGE
    return None
