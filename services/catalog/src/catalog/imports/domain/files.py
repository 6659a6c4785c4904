"""Reads the rows of a file: CSV, or JSON that is a list or contains one."""

import csv
import io
import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, NamedTuple

from catalog.errors import UnreadableFile

DELIMITERS = ",;\t|"


class SourceRow(NamedTuple):
    """One product of a file. `line` is the line of a CSV file or the position in a JSON list, from 1."""

    line: int
    values: dict[str, Any]


def rows_of(content: bytes) -> list[SourceRow]:
    """Raises UnreadableFile if it is neither CSV with a header line nor JSON with a list of objects."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _unreadable("the file is not UTF-8 text") from error
    return _from_json(text) if text.lstrip()[:1] in ("[", "{") else _from_csv(text)


def _from_json(text: str) -> list[SourceRow]:
    try:
        document = json.loads(text, parse_float=Decimal)
    except ValueError as error:
        raise _unreadable(f"the JSON is broken: {error}") from error
    lists = document.values() if isinstance(document, dict) else [document]
    objects = next((value for value in lists if _is_list_of_objects(value)), None)
    if objects is None:
        raise _unreadable("the JSON contains no list of objects")
    return [SourceRow(number, values) for number, values in enumerate(objects, start=1)]


def _from_csv(text: str) -> list[SourceRow]:
    header = text.partition("\n")[0]
    delimiter = max(DELIMITERS, key=header.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, restkey="", strict=True)
    rows = []
    try:
        if not reader.fieldnames:
            raise _unreadable("the file is empty")
        end = 1
        for values in reader:
            # A quoted cell may span lines: a row is named by the line that it begins on.
            rows.append(SourceRow(end + 1, {name: value for name, value in values.items() if name}))
            end = reader.line_num
    except csv.Error as error:
        raise _unreadable(f"line {reader.line_num} of the CSV is broken: {error}") from error
    return rows


def _is_list_of_objects(value: object) -> bool:
    return isinstance(value, list) and bool(value) and _all_objects(value)


def _all_objects(values: Iterable[object]) -> bool:
    return all(isinstance(value, dict) for value in values)


def _unreadable(reason: str) -> UnreadableFile:
    return UnreadableFile(f"The file cannot be read: {reason}")
