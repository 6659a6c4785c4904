"""Product exports of Shopify: one line per variant and picture, and the product's own cells on its first line only.

Products have one price and no variants here, so the lines of a product become one row: its options are attributes,
its stock is that of all variants. Variants with prices of their own are a problem of the row.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from catalog.imports.domain.cells import Problem
from catalog.imports.domain.source_rows import SourceRow

HANDLE, TITLE, SKU, PRICE, STOCK = "Handle", "Title", "Variant SKU", "Variant Price", "Variant Inventory Qty"
OPTIONS = tuple((f"Option{number} Name", f"Option{number} Value") for number in (1, 2, 3))
COLUMNS = frozenset((HANDLE, TITLE, PRICE, *OPTIONS[0]))
NO_OPTION = ("Title", "Default Title")
"""The option that Shopify gives to a product without options."""

MAX_LINES = 1000
WHOLE = re.compile("[0-9]{1,9}")


def is_shopify(columns: Sequence[str]) -> bool:
    return set(columns) >= COLUMNS


def one_row_per_product(rows: Iterable[SourceRow]) -> Iterator[SourceRow]:
    """Joins the lines that have the handle of the line before them and no title."""
    lines: list[SourceRow] = []
    for row in rows:
        if lines and _continues(lines[0], row) and len(lines) < MAX_LINES:
            lines.append(row)
            continue
        if lines:
            yield _product(lines)
        lines = [row]
    if lines:
        yield _product(lines)


def _continues(first: SourceRow, row: SourceRow) -> bool:
    if first.problem or row.problem:
        return False
    return row.values[HANDLE] == first.values[HANDLE] and not row.values[TITLE].strip()


def _product(lines: list[SourceRow]) -> SourceRow:
    first = lines[0]
    if first.problem:
        return first
    variants = [row for row in lines if row.values[PRICE].strip()]
    for row in variants:
        if row.values[PRICE] != first.values[PRICE]:
            message = f"is {row.values[PRICE]} in line {row.line}: a product has one price"
            return first._replace(problem=Problem(PRICE, "several_prices", message))
    values = dict(first.values)
    if len(variants) > 1:
        # The SKU of a variant is not that of the product, which its handle identifies.
        values |= {SKU: ""} if SKU in values else {}
        values |= _total_stock(variants)
    return first._replace(values=values, attributes=_attributes(first.values, variants))


def _attributes(first: Mapping[str, Any], variants: list[SourceRow]) -> dict[str, list[str]]:
    """Option → its values: `{"Size": ["Small", "Medium"]}`."""
    attributes: dict[str, list[str]] = {}
    for name_column, value_column in OPTIONS:
        name = first.get(name_column, "").strip()
        values = [row.values.get(value_column, "").strip() for row in variants]
        distinct = list(dict.fromkeys(value for value in values if value))
        if name and distinct and (name, distinct[0]) != NO_OPTION:
            attributes[name] = distinct
    return attributes


def _total_stock(variants: list[SourceRow]) -> dict[str, str]:
    """The stock of all variants, if each states a whole number; otherwise the first line's cell says what is wrong."""
    cells = [row.values.get(STOCK, "").strip() or "0" for row in variants]
    wrong = next((cell for cell in cells if not WHOLE.fullmatch(cell)), None)
    return {STOCK: wrong if wrong is not None else str(sum(map(int, cells)))}
