"""Reads the rows of a file, one at a time: CSV, JSON, or the body of a request that has rows."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO, NamedTuple, TextIO

from catalog.imports.domain.csv_rows import Header, read_header, read_rows
from catalog.imports.domain.encodings import Encoding, open_text, unreadable
from catalog.imports.domain.json_rows import read_objects
from catalog.imports.domain.shopify import is_shopify, one_row_per_product
from catalog.imports.domain.source_rows import SourceRow

HEAD_ROWS = 1000
"""How many rows show which columns a JSON file has, before all of it is read."""

MAX_COLUMNS = 1000


@dataclass(frozen=True, slots=True)
class OpenFile:
    """`columns` is a CSV file's header, as it is written; None if each row says what it has."""

    rows: Iterator[SourceRow]
    columns: Sequence[str] | None
    point_is_decimal: bool
    """Whether the file is evidence that its decimal mark is the point."""


class Survey(NamedTuple):
    """What a file has. `columns` of JSON are those of all rows."""

    columns: list[str]
    rows: int


@contextmanager
def open_file(file: BinaryIO, encoding: Encoding | None) -> Iterator[OpenFile]:
    """Raises UnreadableFile here and while rows are read."""
    with open_text(file, encoding) as text:
        if _begins_like_json(text):
            yield OpenFile(read_objects(text), None, point_is_decimal=True)
        else:
            yield _open_csv(text)


def survey(opened: OpenFile, max_rows: int | None = None) -> Survey:
    """Read the rows, at most `max_rows`. Raises UnreadableFile."""
    columns: dict[str, None] = dict.fromkeys(opened.columns or ())
    count = 0
    for row in islice(opened.rows, max_rows):
        count += 1
        if opened.columns is None:
            columns |= dict.fromkeys(row.values)
            if len(columns) > MAX_COLUMNS:
                raise unreadable(f"its objects have more than {MAX_COLUMNS} keys")
    # A header may name a column twice.
    return Survey(list(columns if opened.columns is None else opened.columns), count)


def _begins_like_json(text: TextIO) -> bool:
    beginning = text.read(1)
    while beginning and beginning.isspace():
        beginning = text.read(1)
    text.seek(0)
    return beginning in ("[", "{")


def _open_csv(text: TextIO) -> OpenFile:
    header: Header = read_header(text)
    rows = read_rows(text, header)
    if is_shopify(header.columns):
        rows = one_row_per_product(rows)
    return OpenFile(rows, header.columns, point_is_decimal=header.delimiter == ",")
