"""The mapping from fields of a product to columns of a file."""

import re
from collections.abc import Iterable, Mapping

from catalog.errors import ColumnMissing, UnknownColumn, UnknownField

# If several columns match a field, the column whose synonym comes first here is used.
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
PRICE_WITH_CURRENCY = re.compile(r"price([a-z]{3})")

ColumnMapping = dict[str, str]
"""Field → column."""


def mapping_of(columns: Iterable[str], given: Mapping[str, str]) -> ColumnMapping:
    """The given mapping, completed by the columns whose names are known.

    Raises UnknownField, UnknownColumn, or ColumnMissing if there is no title, price or key.
    """
    present = list(columns)
    _check(given, present)
    detected = {field: column for field in FIELDS if (column := _column_of(field, present)) is not None}
    mapping = detected | dict(given)
    for required in ("title", "price"):
        if required not in mapping:
            raise ColumnMissing(f"No column is known to be the {required}", field=f"mapping.{required}")
    if "sku" not in mapping and "external_key" not in mapping:
        raise ColumnMissing("No column is known to be a SKU or an id", field="mapping.sku")
    return mapping


def currency_of(column: str) -> str | None:
    """The currency in the name of a price column: USD for `priceUsd`."""
    match = PRICE_WITH_CURRENCY.fullmatch(_plain(column))
    return match[1].upper() if match else None


def _check(given: Mapping[str, str], present: list[str]) -> None:
    for field, column in given.items():
        if field not in SYNONYMS:
            raise UnknownField(f"Products have no field {field}", field=f"mapping.{field}")
        if column not in present:
            raise UnknownColumn(f"The file has no column {column}", field=f"mapping.{field}")


def _column_of(field: str, columns: list[str]) -> str | None:
    by_plain = {_plain(column): column for column in reversed(columns)}
    for synonym in SYNONYMS[field]:
        if synonym in by_plain:
            return by_plain[synonym]
    if field == "price":
        return next((column for plain, column in by_plain.items() if PRICE_WITH_CURRENCY.fullmatch(plain)), None)
    return None


def _plain(column: str) -> str:
    """The letters and digits of a column's name, in lower case."""
    return "".join(character for character in column.casefold() if character.isalnum())
