"""Errors of pydantic as problems of a response: the field as the client wrote it, a code of ours, words for people."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from common.web.envelope import Problem
from common.web.validation.codes import NOUNS, Meaning, meaning_of
from common.web.validation.json_body import dotted
from common.web.validation.locations import Location, Locator, Path

Model = TypeVar("Model", bound=BaseModel)

WRONG_TYPE = "wrong_type"
OTHER_KEYS = ("missing", "unknown_field")
"""An object with these problems has the keys of another alternative."""


class _Found(NamedTuple):
    location: Location
    kind: str
    meaning: Meaning


def problems_of(error: ValidationError, locator: Locator, prefix: Path = ()) -> list[Problem]:
    """One problem per field, and one per union of which no alternative fits. `prefix` stands before each field."""
    places: dict[Path, Meaning] = {}
    unions: dict[Path, list[_Found]] = {}
    for item in error.errors(include_url=False, include_input=False):
        found = _found(item, locator)
        if found.location.alternative is None:
            places.setdefault(found.location.path, found.meaning)
        else:
            unions.setdefault(found.location.alternative.path, []).append(found)
    for path, group in unions.items():
        for place, meaning in _of_union(path, group):
            places.setdefault(place, meaning)
    return [problem(meaning, (*prefix, *path)) for path, meaning in places.items()]


def validated(model: type[Model], values: Any) -> Model:
    """The values as a body of this model, for a route that reads its body itself. Raises RequestValidationError."""
    try:
        return model.model_validate(values, extra="forbid")
    except ValidationError as error:
        raise RequestValidationError(problems_of(error, Locator(model.__pydantic_core_schema__))) from error


def problem(meaning: Meaning, path: Path) -> Problem:
    return Problem(field=dotted(path), code=meaning.code, message=meaning.message)


def _found(item: Any, locator: Locator) -> _Found:
    location = locator.locate(item["loc"])
    meaning = meaning_of(item["type"], item.get("ctx", {}), item["msg"], location.example)
    return _Found(location, item["type"], meaning)


def _of_union(path: Path, group: Sequence[_Found]) -> Iterator[tuple[Path, Meaning]]:
    """The problems of the alternatives that the value comes closest to."""
    by_label: dict[str, list[_Found]] = {}
    for found in group:
        if found.location.alternative is not None:
            by_label.setdefault(found.location.alternative.label, []).append(found)
    entered = [each for each in by_label.values() if all(found.location.path != path for found in each)]
    if not entered:
        yield path, _of_alternatives(group)
        return
    closest = [each for each in entered if all(found.meaning.code not in OTHER_KEYS for found in each)]
    for each in closest or entered:
        yield from ((found.location.path, found.meaning) for found in each)


def _of_alternatives(group: Iterable[_Found]) -> Meaning:
    """One error instead of one per type; a broken limit says more than the types that the value does not have."""
    meanings = [found.meaning for found in group if found.meaning.code != WRONG_TYPE]
    if meanings:
        return meanings[0]
    nouns = list(dict.fromkeys(NOUNS[found.kind] for found in group if found.kind in NOUNS))
    if "a number" in nouns and "a whole number" in nouns:
        nouns.remove("a whole number")
    words = " or ".join(filter(None, (", ".join(nouns[:-1]), nouns[-1])))
    return Meaning(WRONG_TYPE, f"Should be {words}")
