"""Slugs: the readable part of a URL. Every script is kept; accents on Latin letters are removed."""

import unicodedata
from collections.abc import Container

MAX_LENGTH = 80


def slugify(text: str, fallback: str) -> str:
    """`text` as words joined by hyphens, at most 80 characters; `fallback` if no letter or digit is left."""
    folded = unicodedata.normalize("NFC", _without_latin_accents(text.casefold()))
    words = "".join(character if _is_allowed(character) else " " for character in folded).split()
    return "-".join(words)[:MAX_LENGTH].strip("-") or fallback


def first_free(base: str, taken: Container[str]) -> str:
    """`base` if it is free, otherwise the first free of `base-2`, `base-3`, …"""
    candidate, number = base, 1
    while candidate in taken:
        number += 1
        candidate = f"{base}-{number}"
    return candidate


def _without_latin_accents(text: str) -> str:
    result: list[str] = []
    for character in unicodedata.normalize("NFKD", text):
        # In Devanagari or Arabic a combining mark is a vowel, not an accent.
        if unicodedata.combining(character) and result and result[-1].isascii():
            continue
        result.append(character)
    return "".join(result)


def _is_allowed(character: str) -> bool:
    """Letters, combining marks and digits."""
    return unicodedata.category(character)[0] in "LMN"
