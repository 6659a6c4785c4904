"""The text of a file: its encoding is told by its byte order mark or by the importer, and is UTF-8 otherwise."""

import codecs
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, Literal

from catalog.errors import UnreadableFile

Encoding = Literal["utf-8", "utf-16", "windows-1250", "windows-1252", "iso-8859-1", "iso-8859-15"]

HEAD_BYTES = 4096
MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""In this order: the mark of UTF-16 is the beginning of that of UTF-32."""

NOT_TEXT = (
    (b"PK\x03\x04", "an Excel workbook or another ZIP archive"),
    (b"\xd0\xcf\x11\xe0", "an Excel workbook"),
    (b"\x1f\x8b", "compressed by gzip"),
    (b"%PDF", "a PDF document"),
)
SAVE_AS = "save it as CSV UTF-8"


@contextmanager
def open_text(file: BinaryIO, stated: Encoding | None) -> Iterator[io.TextIOWrapper]:
    """The text of the file from its beginning, line ends as they are. Raises UnreadableFile, also while it is read."""
    file.seek(0)
    encoding = _encoding(file.read(HEAD_BYTES), stated)
    file.seek(0)
    text = io.TextIOWrapper(file, "utf-8-sig" if encoding == "utf-8" else encoding, newline="")
    try:
        yield text
    except UnicodeDecodeError as error:
        text.detach()
        raise _undecodable(file, encoding) from error
    except BaseException:
        text.detach()
        raise
    text.detach()


def _encoding(head: bytes, stated: Encoding | None) -> str:
    for beginning, what in NOT_TEXT:
        if head.startswith(beginning):
            raise unreadable(f"it is {what}: {SAVE_AS}")
    marked = next((name for mark, name in MARKS if head.startswith(mark)), None)
    if marked == "utf-32":
        raise unreadable(f"it is UTF-32 text: {SAVE_AS}")
    if stated and marked and stated != marked:
        raise unreadable(f"it begins with the byte order mark of {marked}, not {stated}")
    if stated == "utf-16" and not marked:
        raise unreadable(f"UTF-16 needs a byte order mark: {SAVE_AS}")
    if not marked and head.count(0) * 3 > len(head):
        raise unreadable(f"it looks like UTF-16 without a byte order mark: {SAVE_AS}")
    return marked or stated or "utf-8"


def _undecodable(file: BinaryIO, encoding: str) -> UnreadableFile:
    """Names the line, where lines of bytes are lines of text."""
    if encoding != "utf-16":
        file.seek(0)
        for number, line in enumerate(file, start=1):
            try:
                line.decode(encoding)
            except UnicodeDecodeError as error:
                byte = f"0x{line[error.start]:02x}"
                hint = f"{SAVE_AS}, or state its encoding, such as windows-1252"
                return unreadable(f"the byte {byte} in line {number} is not {encoding} text: {hint}")
    return unreadable(f"it is not {encoding} text: {SAVE_AS}")


def unreadable(reason: str) -> UnreadableFile:
    return UnreadableFile(f"The file cannot be read: {reason}")
