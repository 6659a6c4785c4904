"""The mapping from fields of a product to columns of a file: never a guess.

A column with a known name is mapped. Two columns of one meaning, and a column whose name only resembles that of a
price, a currency, a discount, a stock or a SKU (`Price net`), are errors until the importer says which column is meant.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from catalog.errors import AmbiguousColumn, ColumnMissing, DuplicateColumn, UnknownColumn, UnknownField
from catalog.imports.domain.cells import is_storable, shown
from common.money import is_currency

SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "title": ("title", "name", "productname", "producttitle"),
    "sku": ("sku", "articlenumber", "article", "productcode", "variantsku"),
    "external_key": ("externalkey", "externalid", "id", "handle", "key"),
    "description": ("description", "body", "details", "longdescription", "bodyhtml"),
    "brand": ("brand", "vendor", "manufacturer", "make"),
    "category": ("category", "categories", "type", "producttype", "department"),
    "price": ("price", "unitprice", "variantprice"),
    "currency": ("currency", "currencycode"),
    "discount_percent": ("discountpercent", "discount"),
    "stock": ("stock", "quantity", "qty", "inventory", "available", "variantinventoryqty"),
    "image": ("image", "picture", "photo", "imagefile", "pic", "imagesrc"),
    "is_active": ("isactive", "active", "published"),
    "is_featured": ("isfeatured", "featured"),
}
FIELDS = tuple(SYNONYMS)

RESEMBLING: Mapping[str, frozenset[str]] = {
    "price": frozenset(("price", "prices", "amount")),
    "currency": frozenset(("currency",)),
    "discount_percent": frozenset(("discount",)),
    "stock": frozenset(("stock", "quantity", "qty", "inventory")),
    "sku": frozenset(("sku",)),
}
"""A column whose name has such a word among others may be this field, or not."""

KNOWN_OTHERS = frozenset(
    ("variantcompareatprice", "variantinventorytracker", "variantinventorypolicy", "variantrequiresshipping")
)
"""Columns of Shopify's export that are none of the fields."""

ENGLISH_WORDS = frozenset(("ALL", "BAM", "BOB", "COP", "CUP", "GEL", "MAD", "MOP", "PEN", "SOS", "TOP", "TRY"))
"""Currencies whose codes are words: `Price all` is no price in lek, `Price ALL` is."""

WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_A-Za-z]+")

ColumnMapping = dict[str, str]
"""Field → column."""


class _Column(NamedTuple):
    name: str
    words: tuple[str, ...]
    """`priceUsd`, `price_usd` and `Price (USD)` have two."""

    @property
    def plain(self) -> str:
        """Its letters and digits in lower case."""
        return "".join(self.words).casefold()


def mapping_of(columns: Sequence[str], given: Mapping[str, str]) -> ColumnMapping:
    """The given mapping, completed by the columns whose names are known. A CSV header may have a name twice.

    Raises UnknownField, UnknownColumn, DuplicateColumn, AmbiguousColumn, or ColumnMissing if there is no title, price
    or key.
    """
    _check(given, columns)
    # A name that cannot be stored is known to nobody.
    taken = set(given.values())
    others = [_column(name) for name in columns if name not in taken and is_storable(name)]
    mapping = dict(given)
    for field in FIELDS:
        if field not in given and (column := _column_of(field, others)) is not None:
            mapping[field] = column
    _refuse_ambiguous(others, mapping, given)
    for required in ("title", "price"):
        if required not in mapping:
            raise ColumnMissing(f"No column is known to be the {required}", field=f"mapping.{required}")
    if "sku" not in mapping and "external_key" not in mapping:
        raise ColumnMissing("No column is known to be a SKU or an id", field="mapping.sku")
    return mapping


def unused_columns(columns: Iterable[str], mapping: ColumnMapping) -> list[str]:
    """The columns that no field takes."""
    taken = set(mapping.values())
    return [shown(name) for name in columns if name and name not in taken]


def currency_of(column: str) -> str | None:
    """The currency in the name of a column: USD for `priceUsd`, `Price (USD)` or `USD price`, none for `Price net`."""
    words = _column(column).words
    ends = {words[0], words[-1]} if len(words) > 1 else set()
    codes = [word.upper() for word in ends if _is_code(word)]
    return codes[0] if len(codes) == 1 else None


def _is_code(word: str) -> bool:
    code = word.upper()
    return is_currency(code) and (word == code or code not in ENGLISH_WORDS)


def _check(given: Mapping[str, str], columns: Sequence[str]) -> None:
    for field, column in given.items():
        if field not in SYNONYMS:
            raise UnknownField(f"Products have no field {shown(field)}", field=f"mapping.{shown(field)}")
        if column not in columns or not is_storable(column):
            raise UnknownColumn(f"The file has no column {shown(column)}", field=f"mapping.{field}")
        if columns.count(column) > 1:
            raise DuplicateColumn(f"Two columns are named {shown(column)}: rename one", field=f"mapping.{field}")
    if repeated := next((column for column in given.values() if list(given.values()).count(column) > 1), None):
        fields = [field for field, column in given.items() if column == repeated]
        raise DuplicateColumn(f"{fields[0]} and {fields[1]} cannot both be {shown(repeated)}", field="mapping")


def _column_of(field: str, columns: list[_Column]) -> str | None:
    """The column with a known name. Raises DuplicateColumn if there are two."""
    found = [column.name for column in columns if _means(column, field)]
    if len(found) > 1:
        names = " and ".join(shown(name) for name in found[:2])
        text = f"Two columns mean the {field}: {names}. State one in the mapping, or rename one"
        raise DuplicateColumn(text, field=f"mapping.{field}", detail={"columns": [shown(name) for name in found]})
    return found[0] if found else None


def _means(column: _Column, field: str) -> bool:
    if column.plain in SYNONYMS[field]:
        return True
    if field != "price" or (code := currency_of(column.name)) is None:
        return False
    rest = "".join(word for word in column.words if word.upper() != code)
    return rest.casefold() in SYNONYMS["price"]


def _refuse_ambiguous(columns: list[_Column], mapping: ColumnMapping, given: Mapping[str, str]) -> None:
    taken = set(mapping.values())
    for field, words in RESEMBLING.items():
        # With a column named exactly `stock`, one named `Stock unit` is something else. A price leaves no such doubt
        # aside: `Price` beside `Price net` may be the one or the other.
        if field in given or (field != "price" and field in mapping):
            continue
        for column in columns:
            known = column.name in taken or column.plain in KNOWN_OTHERS
            if not known and words & {word.casefold() for word in column.words}:
                text = (
                    f"The column {shown(column.name)} may or may not be the {field}: state which column is, as mapping"
                )
                raise AmbiguousColumn(
                    f"{text} {field}", field=f"mapping.{field}", detail={"columns": [shown(column.name)]}
                )


def _column(name: str) -> _Column:
    return _Column(name, tuple(WORD.findall(unicodedata.normalize("NFC", name))))
