"""The one form of text: what is stored and what is asked is in Unicode's normalisation form C (UAX 15).

Keyboards, file systems and copied text spell `é` as one character or as `e` with a combining accent. Without one form
they would be two SKUs, two names, and a search for one would not find the other.
"""

from unicodedata import is_normalized, normalize

from pydantic import BeforeValidator


def nfc(text: str) -> str:
    """The text in form C, which ASCII is."""
    return text if text.isascii() or is_normalized("NFC", text) else normalize("NFC", text)


def _normalised(value: object) -> object:
    return nfc(value) if isinstance(value, str) else value


NFC = BeforeValidator(_normalised)
"""Beside `str` in a request: the text in form C, before its length is checked."""
