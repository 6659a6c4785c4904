"""Names of people and places.

Every script writes names: Persian and Bengali need the zero-width non-joiner and joiner, Vietnamese combining marks,
Irish and Ukrainian apostrophes. Not allowed is what breaks the line, controls a terminal, or shows text in another
order than it has: after U+202E, `moc.elpmaxe` reads as `example.com` (Unicode TR 36).
"""

from unicodedata import category, normalize

from common.people.errors import RuleError

CODE = "invalid_name"

FORBIDDEN_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Control characters, lone surrogates, separators of lines and paragraphs."""

BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Embeddings, overrides and isolates. The marks LRM, RLM and ALM change the order of nothing but punctuation."""


def check_name(text: str) -> str:
    """The name in Unicode's form NFC. Raises RuleError."""
    name = normalize("NFC", text)
    if any(character in BIDI_CONTROLS or category(character) in FORBIDDEN_CATEGORIES for character in name):
        raise RuleError(CODE, "This contains control characters")
    if name and not any(_is_visible(character) for character in name):
        raise RuleError(CODE, "This contains nothing that can be seen")
    return name


def _is_visible(character: str) -> bool:
    kind = category(character)
    return kind != "Cf" and kind[0] not in "MZ"
