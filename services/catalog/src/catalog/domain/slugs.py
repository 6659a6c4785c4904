"""Slugs: the part of a URL that people read. Any script survives; accents on Latin letters do not."""

import unicodedata
from collections.abc import Container

LONGEST = 80


def slugify(text: str, fallback: str) -> str:
    """`text` as words joined by hyphens, at most 80 characters; `fallback` when no letter or digit is left."""
    folded = unicodedata.normalize("NFC", _without_latin_accents(text.casefold()))
    words = "".join(character if _belongs(character) else " " for character in folded).split()
    return "-".join(words)[:LONGEST].strip("-") or fallback


def first_free(base: str, taken: Container[str]) -> str:
    """`base`, else `base-2`, `base-3` … whichever is not taken."""
    candidate, number = base, 1
    while candidate in taken:
        number += 1
        candidate = f"{base}-{number}"
    return candidate


def _without_latin_accents(text: str) -> str:
    kept: list[str] = []
    for character in unicodedata.normalize("NFKD", text):
        # In Devanagari or Arabic a mark is a vowel, not an ornament.
        if unicodedata.combining(character) and kept and kept[-1].isascii():
            continue
        kept.append(character)
    return "".join(kept)


def _belongs(character: str) -> bool:
    return unicodedata.category(character)[0] in "LMN"
