"""The rows of a CSV file, one at a time."""

import csv
import re
from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple, TextIO

from catalog.imports.domain.cells import Problem, shown
from catalog.imports.domain.encodings import unreadable
from catalog.imports.domain.source_rows import SourceRow

DELIMITERS = ",;\t|"
MAX_HEADER_LINES = 50
MAX_COLUMNS = 500
SEPARATOR_LINE = re.compile(r'"?sep=(.)"?', re.IGNORECASE)
"""The first line that Excel writes and reads, for a delimiter of its own."""

QUOTED = re.compile(r'"[^"]*"')


class Header(NamedTuple):
    """`lines` were read before the first row; the last of them are the header's own text."""

    columns: list[str]
    delimiter: str
    lines: int


def read_header(text: TextIO) -> Header:
    """The names of the columns, in order, as they are written. Raises UnreadableFile."""
    delimiter, skipped = None, 0
    line = text.readline()
    if match := SEPARATOR_LINE.fullmatch(line.strip("\r\n")):
        delimiter, skipped, line = match[1], 1, text.readline()
        if delimiter not in DELIMITERS:
            raise unreadable(f"the line sep= names a delimiter that is not supported: {shown(delimiter)}")
    while line and not line.strip():
        skipped, line = skipped + 1, text.readline()
    record = [line]
    # A quoted name may span lines.
    while "".join(record).count('"') % 2 and len(record) < MAX_HEADER_LINES and (line := text.readline()):
        record.append(line)
    if not "".join(record).strip():
        raise unreadable("it is empty")
    delimiter = delimiter or _delimiter("".join(record))
    try:
        columns = next(csv.reader(record, delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise unreadable(f"the header in line {skipped + 1} is not valid CSV: {error}") from error
    if len(columns) > MAX_COLUMNS:
        raise unreadable(f"it has more than {MAX_COLUMNS} columns")
    return Header([column.strip() for column in columns], delimiter, skipped + len(record))


def read_rows(text: TextIO, header: Header) -> Iterator[SourceRow]:
    """The rows after the header. A row that is no row of this header has a `problem` and no values."""
    reader = csv.reader(chain(text), delimiter=header.delimiter, strict=True)
    while True:
        # A quoted cell may span lines: a row is named by the line that it begins on.
        line = header.lines + reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield SourceRow(line, {}, Problem(None, "malformed_row", f"is not valid CSV: {error}"))
            continue
        if any(cell.strip() for cell in cells):
            yield _row(line, cells, header.columns)


def _row(line: int, cells: list[str], columns: list[str]) -> SourceRow:
    if len(cells) != len(columns):
        message = f"has {_count(len(cells), 'cell')}, the header has {_count(len(columns), 'column')}"
        return SourceRow(line, {}, Problem(None, "wrong_cell_count", message))
    nameless = next((cell for column, cell in zip(columns, cells, strict=True) if not column and cell.strip()), None)
    if nameless is not None:
        return SourceRow(line, {}, Problem(None, "nameless_column", f"has a cell without a column: {shown(nameless)}"))
    return SourceRow(line, {column: cell for column, cell in zip(columns, cells, strict=True) if column})


def _delimiter(header: str) -> str:
    """The delimiter that the header has most often outside quotes. Raises UnreadableFile if two are as frequent."""
    bare = QUOTED.sub("", header)
    counts = sorted(((bare.count(delimiter), delimiter) for delimiter in DELIMITERS), reverse=True)
    (most, delimiter), (second, other) = counts[:2]
    if most and most == second:
        raise unreadable(f"its cells may be separated by {delimiter!r} or {other!r}: begin it with the line sep=;")
    return delimiter if most else DELIMITERS[0]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
