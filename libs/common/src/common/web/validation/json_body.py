"""JSON bodies (RFC 8259), strict where parsers differ (I-JSON, RFC 7493): unique keys, finite numbers, valid texts."""

import json
import re
from collections.abc import Iterator
from typing import Any, TypeVar

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from common.errors import MalformedJson
from common.web.envelope import Problem
from common.web.validation.codes import UNSTORABLE

MAX_DEPTH = 100
"""Levels of objects and lists. The parser itself ends at Python's recursion limit, which depends on the caller."""

LONE_SURROGATE = re.compile("[\ud800-\udfff]")
Model = TypeVar("Model", bound=BaseModel)
Path = tuple[str | int, ...]


class _NotJsonError(ValueError):
    """What the parser's hooks raise; `_reason` finds the place."""


def parse_json(body: bytes) -> Any:
    """The value of a JSON body. Raises MalformedJson, and RequestValidationError for texts that cannot be stored."""
    try:
        text = body.decode().removeprefix("\ufeff")
        value = _decoder.decode(text)
    except UnicodeDecodeError as error:
        raise MalformedJson("The body is not UTF-8") from error
    except RecursionError as error:
        raise _too_deep() from error
    except json.JSONDecodeError as error:
        raise MalformedJson(f"{MalformedJson.message} (line {error.lineno}, column {error.colno})") from error
    except ValueError as error:
        raise _reason(text) from error
    # An object or list of more levels has more brackets; counting them costs nothing.
    if body.count(b"{") + body.count(b"[") > MAX_DEPTH and _is_deep(value):
        raise _too_deep()
    # NUL and lone surrogates can only be written as escapes.
    if b"\\u" in body and (problems := [_unstorable(path) for path in _unstorable_texts(value)]):
        raise RequestValidationError(problems, body=value)
    return value


def read_json(model: type[Model], body: bytes) -> Model | None:
    """The body as a route validates it; None if it is not valid, which the route can explain."""
    try:
        return model.model_validate(parse_json(body), extra="forbid")
    except (MalformedJson, RequestValidationError, ValidationError):
        return None


def is_storable(text: str) -> bool:
    """Whether PostgreSQL can store the text: no NUL, no lone surrogates."""
    return "\x00" not in text and not LONE_SURROGATE.search(text)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise _NotJsonError
    return value


def _float(text: str) -> float:
    value = float(text)
    if value - value != 0:
        raise _NotJsonError
    return value


def _constant(name: str) -> None:
    raise _NotJsonError(name)


_decoder = json.JSONDecoder(object_pairs_hook=_object, parse_float=_float, parse_constant=_constant)


class _Members(list[tuple[str, Any]]):
    """An object whose duplicate keys are still there."""


class _Number(str):
    """A number as it is written, which no number type can hold."""


def _number(text: str) -> Any:
    try:
        return _float(text) if not text.lstrip("-").isdecimal() else int(text)
    except ValueError:
        return _Number(text)


_explaining = json.JSONDecoder(
    object_pairs_hook=_Members, parse_float=_number, parse_int=_number, parse_constant=_Number
)


def _reason(text: str) -> MalformedJson:
    """Why the text, which the parser has rejected, is not accepted; the first of the reasons."""
    pending: list[tuple[Path, Any]] = [((), _explaining.decode(text))]
    while pending:
        path, value = pending.pop()
        if isinstance(value, _Number):
            return MalformedJson(f"{value[:20]} is not a number that can be stored", field=dotted(path))
        if isinstance(value, _Members):
            seen: set[str] = set()
            for key, _ in value:
                if key in seen:
                    return MalformedJson(f'The key "{printable(key)}" is given twice', field=dotted((*path, key)))
                seen.add(key)
            pending += [((*path, key), item) for key, item in reversed(value)]
        elif isinstance(value, list):
            pending += [((*path, index), item) for index, item in reversed(list(enumerate(value)))]
    return MalformedJson()


def _too_deep() -> MalformedJson:
    return MalformedJson(f"The body has more than {MAX_DEPTH} levels of objects and lists")


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [item for parent in level for item in _items(parent) if isinstance(item, dict | list)]
        if not level:
            return False
    return True


def _items(value: Any) -> Any:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def _unstorable_texts(root: Any) -> Iterator[Path]:
    """The paths of texts that cannot be stored; for such a key, the path of its object."""
    pending: list[tuple[Path, Any]] = [((), root)]
    while pending:
        path, value = pending.pop()
        if isinstance(value, str) and not is_storable(value):
            yield path
        elif isinstance(value, dict):
            if not all(map(is_storable, value)):
                yield path
            pending += [((*path, key), item) for key, item in value.items() if is_storable(key)]
        elif isinstance(value, list):
            pending += [((*path, index), item) for index, item in enumerate(value)]


def _unstorable(path: Path) -> Problem:
    return Problem(field=dotted(path), code=UNSTORABLE.code, message=UNSTORABLE.message)


def dotted(path: Path) -> str | None:
    """The path as errors name it, `items.0.quantity`; None for the whole body."""
    return printable(".".join(map(str, path))) or None


def printable(text: str) -> str:
    """The text as it may stand in a response: without lone surrogates, and not longer than a field's name."""
    return text[:200].encode("utf-8", "replace").decode().replace("\x00", "?")
