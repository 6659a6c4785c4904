"""The codes and words of input that does not validate: one table for what pydantic reports.

Clients decide by these codes, so they must not change with a library.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, get_args

from pydantic_core import core_schema

PYDANTIC_TYPES = frozenset(get_args(core_schema.ErrorType))


class Meaning(NamedTuple):
    """`message` is completed by the limits of the field: `{min_length}`, `{ge}`."""

    code: str
    message: str


MISSING = Meaning("missing", "This is required")
NO_BODY = Meaning("missing", "A body is required")
UNKNOWN_FIELD = Meaning("unknown_field", "There is no such field")
UNKNOWN_PARAMETER = Meaning("unknown_parameter", "There is no such parameter")
UNSTORABLE = Meaning("unstorable_value", "This has a character that cannot be stored, such as NUL")
TOO_LARGE = Meaning("too_large", "The number is too large")
INVALID_UUID = Meaning("invalid_uuid", "Should be a UUID, such as 019c1f0c-7a10-7b3e-9f52-6a1f0c9d2e11")
NOT_A_FILE = Meaning("wrong_type", "Should be a file")
INVALID = Meaning("invalid_value", "This is not valid")

CODES: Mapping[str, str] = {
    "missing": "the field, the parameter or the body is required",
    "unknown_field": "the body has a field that the operation does not know",
    "unknown_parameter": "the query has a parameter that the operation does not know",
    "wrong_type": "another type is needed: a text, a number, true or false, a list, an object, a file",
    "too_short": "a text has too few characters, or a list too few items",
    "too_long": "a text has too many characters, or a list too many items",
    "too_small": "the number is below the least that is allowed",
    "too_large": "the number is above the greatest that is allowed",
    "not_a_multiple": "the number is not a multiple of the step",
    "invalid_choice": "the value is none of those that are allowed; the message lists them",
    "wrong_format": "the text does not have the form that the field requires",
    "invalid_date": "this is not a date, such as 2026-01-31",
    "invalid_time": "this is not a time, such as 2026-01-31T08:00:00Z",
    "invalid_duration": "this is not a duration, such as PT15M",
    "invalid_uuid": "this is not a UUID in its canonical form",
    "invalid_email": "this is not an address that mail can reach",
    "invalid_name": "a name has control characters, or nothing that can be seen",
    "invalid_phone": "this is not a telephone number in international form, such as +255712345678",
    "invalid_username": "a username has 3 to 30 letters, digits, dots, dashes or underscores",
    "username_reserved": "only administrators give this username",
    "invalid_url": "this is not a URL, or not one of an allowed scheme",
    "unknown_currency": "the currency is none that ISO 4217 lists",
    "invalid_country": "this is not a country's code of ISO 3166-1, such as TZ",
    "invalid_language": "this is not a language tag of BCP 47, such as sw or pt-BR",
    "unknown_time_zone": "this is not an IANA time zone, such as Africa/Dar_es_Salaam",
    "unstorable_value": "a text has a character that cannot be stored: NUL, a lone surrogate, no UTF-8",
    "birth_date_out_of_range": "the birth date is before 1900 or in the future",
    "invalid_value": "another rule of the field is broken; the message says which",
}
"""What each code of `errors[]` means in a 422 `invalid`. docs/errors.md has this table, and the test client raises for
any other code."""

_TYPES = {
    "a text": "string_type bytes_type string_sub_type",
    "a whole number": "int_type int_parsing int_from_float",
    "a number": "float_type float_parsing decimal_type decimal_parsing complex_type complex_str_parsing fraction_type "
    "fraction_parsing finite_number",
    "true or false": "bool_type bool_parsing",
    "a list": "list_type tuple_type set_type frozen_set_type iterable_type deque_type iteration_error",
    "an object": "dict_type mapping_type model_type model_attributes_type dataclass_type dataclass_exact_type "
    "named_tuple_type arguments_type frozen_dict_type ordered_dict_type counter_type union_tag_not_found",
    "null": "none_required",
}
_DATES = "date_type date_parsing date_from_datetime_parsing date_from_datetime_inexact date_past date_future"
_TIMES = (
    "datetime_type datetime_parsing datetime_object_invalid datetime_from_date_parsing datetime_past datetime_future "
    "timezone_naive timezone_aware timezone_offset"
)

NOUNS: Mapping[str, str] = {kind: noun for noun, kinds in _TYPES.items() for kind in kinds.split()}
"""By pydantic's type of the error: what the value should be."""

_MEANINGS: Mapping[str, Meaning] = {
    **{kind: Meaning("wrong_type", f"Should be {noun}") for kind, noun in NOUNS.items()},
    **dict.fromkeys(_DATES.split(), Meaning("invalid_date", "Should be a date, such as 2026-01-31")),
    **dict.fromkeys(
        _TIMES.split(), Meaning("invalid_time", "Should be a time with its offset, such as 2026-01-31T08:00:00Z")
    ),
    **dict.fromkeys(("time_type", "time_parsing"), Meaning("invalid_time", "Should be a time of day, such as 08:00")),
    **dict.fromkeys(
        ("time_delta_type", "time_delta_parsing"), Meaning("invalid_duration", "Should be a duration, such as PT15M")
    ),
    **dict.fromkeys(("uuid_type", "uuid_parsing", "uuid_version"), INVALID_UUID),
    **dict.fromkeys(
        ("url_type", "url_parsing", "url_syntax_violation"),
        Meaning("invalid_url", "Should be a URL, such as https://shop.example.com/kanga"),
    ),
    **dict.fromkeys(
        ("literal_error", "enum", "union_tag_invalid"), Meaning("invalid_choice", "Should be one of: {expected}")
    ),
    "url_scheme": Meaning("invalid_url", "Should be a URL that begins with {expected_schemes}"),
    "url_too_long": Meaning("too_long", "Should have at most {max_length} characters"),
    "missing": MISSING,
    "extra_forbidden": UNKNOWN_FIELD,
    "string_too_short": Meaning("too_short", "Should have {min_length} or more characters"),
    "string_too_long": Meaning("too_long", "Should have at most {max_length} characters"),
    "bytes_too_short": Meaning("too_short", "Should have {min_length} or more bytes"),
    "bytes_too_long": Meaning("too_long", "Should have at most {max_length} bytes"),
    "too_short": Meaning("too_short", "Should have {min_length} or more items"),
    "too_long": Meaning("too_long", "Should have at most {max_length} items"),
    "greater_than": Meaning("too_small", "Should be more than {gt}"),
    "greater_than_equal": Meaning("too_small", "Should be {ge} or more"),
    "less_than": Meaning("too_large", "Should be less than {lt}"),
    "less_than_equal": Meaning("too_large", "Should be {le} or less"),
    "int_parsing_size": TOO_LARGE,
    "decimal_max_digits": Meaning("too_large", "Should have at most {max_digits} digits"),
    "decimal_whole_digits": Meaning("too_large", "Should have at most {whole_digits} digits before the point"),
    "decimal_max_places": Meaning("wrong_format", "Should have at most {decimal_places} decimals"),
    "multiple_of": Meaning("not_a_multiple", "Should be a multiple of {multiple_of}"),
    "string_pattern_mismatch": Meaning("wrong_format", "This does not have the required form"),
    "string_not_ascii": Meaning("wrong_format", "Should have only ASCII characters"),
    "string_unicode": UNSTORABLE,
    "bytes_invalid_encoding": UNSTORABLE,
}


def meaning_of(kind: str, context: Mapping[str, Any], message: str, example: object = None) -> Meaning:
    """What pydantic's error of this type means. `context` and `message` are pydantic's, `example` is the field's.

    A validator of ours raises ValueError with words for people, or PydanticCustomError with a code of its own as well.
    """
    if kind not in PYDANTIC_TYPES:
        return Meaning(kind, message)
    if kind in ("value_error", "assertion_error"):
        return Meaning(INVALID.code, str(context.get("error", "")) or INVALID.message)
    known = _MEANINGS.get(kind, INVALID)
    if kind == "string_pattern_mismatch" and isinstance(example, str):
        return Meaning(known.code, f"Should look like {example}")
    values = {name: _in_words(value) for name, value in context.items()}
    try:
        return Meaning(known.code, known.message.format(**values))
    except (KeyError, IndexError):
        return Meaning(known.code, message)


def _in_words(value: object) -> object:
    """Lists of pydantic are Python: `'a', 'b' or True`."""
    if not isinstance(value, str):
        return value
    words = {"True": "true", "False": "false", "None": "null"}
    return " ".join(words.get(word, word) for word in value.replace("'", "").split(" "))
