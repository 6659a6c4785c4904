"""The rows of a JSON file, one at a time: a list of objects, or an object that contains one such list."""

import json
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any, TextIO

from catalog.imports.domain.cells import BadNumber, Problem, RepeatedKeys, shown
from catalog.imports.domain.encodings import unreadable
from catalog.imports.domain.source_rows import SourceRow

CHUNK_CHARACTERS = 64 * 1024
MAX_ROW_CHARACTERS = 1024 * 1024
MAX_NUMBER_CHARACTERS = 60
WHITE_SPACE = " \t\r\n"


def _number(text: str) -> Any:
    """Exact, and never an error: a number that no price can be is the problem of its row."""
    try:
        return Decimal(text) if len(text) <= MAX_NUMBER_CHARACTERS else BadNumber(text[:MAX_NUMBER_CHARACTERS])
    except InvalidOperation:
        return BadNumber(text)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) == len(pairs):
        return values
    seen: set[str] = set()
    rejected = RepeatedKeys(values)
    rejected.repeated = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
    return rejected


DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_number, parse_int=_number, parse_constant=BadNumber, strict=False
)


def read_objects(text: TextIO) -> Iterator[SourceRow]:
    """The objects of the document's only list of objects. Raises UnreadableFile."""
    document = _Document(text)
    match document.peek():
        case "[":
            yield from document.objects()
        case "{":
            yield from _objects_below(document)
        case _:
            raise document.broken()
    if document.peek():
        raise unreadable("it is not one JSON document: more follows its end")


def row_of(number: int, value: Any) -> SourceRow:
    """The row of one element of a list."""
    if not isinstance(value, dict):
        return SourceRow(number, {}, Problem(None, "not_an_object", f"is not an object: {shown(value)}"))
    if isinstance(value, RepeatedKeys):
        key = shown(value.repeated)
        return SourceRow(number, {}, Problem(key, "repeated_key", "appears twice"))
    return SourceRow(number, value)


def _objects_below(document: "_Document") -> Iterator[SourceRow]:
    """The objects of the list that the object contains."""
    found = ""
    document.expect("{")
    while document.peek() != "}":
        name = document.value()
        if not isinstance(name, str) or isinstance(name, BadNumber):
            raise document.broken()
        document.expect(":")
        if document.peek() != "[" or not document.starts_list_of_objects():
            document.value()
        elif found:
            raise unreadable(f"the JSON has two lists of objects: {shown(found)} and {shown(name)}")
        else:
            found = name
            yield from document.objects()
        if document.peek() != "}":
            document.expect(",")
    document.expect("}")
    if not found:
        raise unreadable("the JSON contains no list of objects")


class _Document:
    """Decodes a document value by value, with a part of its text in memory."""

    def __init__(self, text: TextIO) -> None:
        self._text = text
        self._buffer = ""
        self._at = 0
        self._is_complete = False
        self._row = 0

    def peek(self) -> str:
        """The next character that is not white space; empty at the end."""
        while True:
            while self._at < len(self._buffer):
                if (character := self._buffer[self._at]) not in WHITE_SPACE:
                    return character
                self._at += 1
            if not self._read():
                return ""

    def expect(self, character: str) -> None:
        if self.peek() != character:
            raise self.broken()
        self._at += 1

    def starts_list_of_objects(self) -> bool:
        """Whether the list that comes next begins with an object."""
        ahead = 1
        while self._at + ahead < len(self._buffer) or self._read():
            if (character := self._buffer[self._at + ahead]) not in WHITE_SPACE:
                return character == "{"
            ahead += 1
        return False

    def objects(self) -> Iterator[SourceRow]:
        """The elements of the list that comes next."""
        self.expect("[")
        if (first := self.peek()) != "{":
            raise unreadable("the JSON contains no list of objects") if first else self.broken()
        while True:
            self._row += 1
            yield row_of(self._row, self.value())
            if self.peek() == "]":
                break
            self.expect(",")
            if self.peek() == "]":
                raise self.broken()
        self.expect("]")

    def value(self) -> Any:
        """The value that comes next."""
        self.peek()
        while True:
            try:
                value, end = DECODER.raw_decode(self._buffer, self._at)
            except RecursionError as error:
                raise unreadable(f"the JSON is nested too deeply {self._where()}") from error
            except ValueError as error:
                if self._is_complete or len(self._buffer) - self._at > MAX_ROW_CHARACTERS:
                    raise self.broken() from error
            else:
                # A number may go on in the next part of the text.
                if end < len(self._buffer) or self._is_complete:
                    self._at = end
                    return value
            self._read()

    def broken(self) -> Exception:
        if not self.peek():
            return unreadable("the JSON is broken: it ends too early")
        return unreadable(f"the JSON is broken {self._where()}: {shown(self._buffer[self._at :][:60])}")

    def _where(self) -> str:
        return f"in object {self._row}" if self._row else "at its beginning"

    def _read(self) -> bool:
        """Append to the buffer, as much as it holds already, so that a long value is not decoded again and again."""
        self._buffer, self._at = self._buffer[self._at :], 0
        more = self._text.read(max(CHUNK_CHARACTERS, len(self._buffer)))
        self._buffer += more
        self._is_complete = not more
        return bool(more)
