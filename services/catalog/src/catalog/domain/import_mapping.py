"""Which column of a foreign file is which field of a product."""

import re
from collections.abc import Iterable, Mapping

from common.errors import Invalid

# Of several columns that could be a field, the one named first here is taken.
SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "title": ("title", "name", "productname", "producttitle"),
    "sku": ("sku", "articlenumber", "article", "productcode"),
    "external_key": ("externalkey", "externalid", "id", "handle", "key"),
    "description": ("description", "body", "details", "longdescription"),
    "brand": ("brand", "vendor", "manufacturer", "make"),
    "category": ("category", "categories", "type", "producttype", "department"),
    "price": ("price", "unitprice", "amount"),
    "currency": ("currency", "currencycode"),
    "discount_percent": ("discountpercent", "discount"),
    "stock": ("stock", "quantity", "qty", "inventory", "available"),
    "image": ("image", "picture", "photo", "imagefile", "pic"),
    "is_active": ("isactive", "active", "published"),
    "is_featured": ("isfeatured", "featured"),
}
FIELDS = tuple(SYNONYMS)
PRICE_IN = re.compile(r"price([a-z]{3})")

Mapped = dict[str, str]
"""Field → column."""


def mapping_of(columns: Iterable[str], given: Mapping[str, str]) -> Mapped:
    """The mapping given, completed by what the names of the columns tell.

    Raises Invalid for a field that products do not have, a column that the file does not have, and a file without
    title, price or key.
    """
    present = list(columns)
    _check(given, present)
    detected = {field: column for field in FIELDS if (column := _column_of(field, present)) is not None}
    mapping = detected | dict(given)
    for needed in ("title", "price"):
        if needed not in mapping:
            raise Invalid(f"No column is known to be the {needed}", code="column_missing", field=f"mapping.{needed}")
    if "sku" not in mapping and "external_key" not in mapping:
        raise Invalid("No column is known to be a SKU or an id", code="column_missing", field="mapping.sku")
    return mapping


def currency_in(column: str) -> str | None:
    """The currency that the name of a price column states: USD for `priceUsd`."""
    stated = PRICE_IN.fullmatch(_plain(column))
    return stated[1].upper() if stated else None


def _check(given: Mapping[str, str], present: list[str]) -> None:
    for field, column in given.items():
        if field not in SYNONYMS:
            raise Invalid(f"Products have no field {field}", code="unknown_field", field=f"mapping.{field}")
        if column not in present:
            raise Invalid(f"The file has no column {column}", code="unknown_column", field=f"mapping.{field}")


def _column_of(field: str, columns: list[str]) -> str | None:
    by_plain = {_plain(column): column for column in reversed(columns)}
    for synonym in SYNONYMS[field]:
        if synonym in by_plain:
            return by_plain[synonym]
    if field == "price":
        return next((column for plain, column in by_plain.items() if PRICE_IN.fullmatch(plain)), None)
    return None


def _plain(column: str) -> str:
    return "".join(character for character in column.casefold() if character.isalnum())
