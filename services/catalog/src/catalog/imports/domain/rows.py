"""From a row of a file to a product: every value is checked, every problem names its column."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from catalog.imports.domain.mapping import ColumnMapping, currency_of
from common.money import Money, exponent_of

MAX_AMOUNT = 10**13
"""In minor units, as for prices of the API."""
PATH_SEPARATOR = " > "
YES = frozenset(("true", "yes", "y", "1", "on"))
NO = frozenset(("false", "no", "n", "0", "off"))


class Problem(NamedTuple):
    """An error in one column of a row."""

    field: str
    message: str


class BadRowError(Exception):
    """A row that cannot become a product."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(f"{p.field}: {p.message}" for p in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class ImportedProduct:
    """A product as its file describes it. `category` is a path of names, `stock` the initial stock."""

    values: dict[str, Any]
    sku: str | None
    external_key: str | None
    category: tuple[str, ...] = ()
    stock: int = 0
    image: str | None = None


@dataclass(slots=True)
class _Reader:
    """Reads the columns of one row and collects their problems."""

    row: Mapping[str, Any]
    mapping: ColumnMapping
    problems: list[Problem] = field(default_factory=list)

    def has(self, name: str) -> bool:
        """Whether the row has a value in this column."""
        return name in self.mapping and self.row.get(self.mapping[name]) not in (None, "", [])

    def read(self, name: str, parse: Callable[[Any], Any], default: Any = None) -> Any:
        if not self.has(name):
            return default
        try:
            return parse(self.row[self.mapping[name]])
        except ValueError as error:
            self.problems.append(Problem(self.mapping[name], str(error)))
            return default

    def require(self, name: str) -> None:
        if not self.has(name):
            self.problems.append(Problem(self.mapping.get(name, name), "is missing"))


def imported_product(row: Mapping[str, Any], mapping: ColumnMapping, currency: str) -> ImportedProduct:
    """The product of a row; `currency` is for prices without one. Raises BadRowError with all problems."""
    reader = _Reader(row, mapping)
    reader.require("title")
    reader.require("price")
    if not (reader.has("sku") or reader.has("external_key")):
        reader.require("sku" if "sku" in mapping else "external_key")
    price_currency = reader.read("currency", _currency) or currency_of(mapping["price"]) or currency
    tags = reader.read("category", _names, ())
    product = ImportedProduct(
        values=_values(reader, price_currency, tags),
        sku=reader.read("sku", _text(64)),
        external_key=reader.read("external_key", _text(200)),
        category=_path(tags),
        stock=reader.read("stock", _whole(0, 1_000_000), 0),
        image=reader.read("image", _file_name),
    )
    if reader.problems:
        raise BadRowError(reader.problems)
    return product


def _values(reader: _Reader, currency: str, tags: tuple[str, ...]) -> dict[str, Any]:
    """The fields that the row has; the others of an existing product stay unchanged."""
    parsers: dict[str, Callable[[Any], Any]] = {
        "title": _text(200),
        "description": _text(20_000),
        "brand": _text(120),
        "price": lambda value: _price(value, currency),
        "discount_percent": _whole(0, 100),
        "is_active": _flag,
        "is_featured": _flag,
    }
    values = {name: reader.read(name, parse) for name, parse in parsers.items() if reader.has(name)}
    return values | ({"attributes": {"categories": list(tags)}} if len(tags) > 1 else {})


def _price(value: Any, currency: str) -> Money:
    """A decimal number of major units, {amount, currency} in minor units, or {units, nanos, currencyCode}."""
    if not isinstance(value, Mapping):
        return _money(_decimal(value), currency)
    price_currency = _currency(value.get("currencyCode") or value.get("currency") or currency)
    if "units" in value or "nanos" in value:
        major = _decimal(value.get("units") or 0) + _decimal(value.get("nanos") or 0).scaleb(-9)
        return _money(major, price_currency)
    return _money(_decimal(value.get("amount")).scaleb(-exponent_of(price_currency)), price_currency)


def _money(major: Decimal, currency: str) -> Money:
    exponent = exponent_of(currency)
    minor = major.scaleb(exponent)
    if minor != minor.to_integral_value():
        raise ValueError(f"has more than {exponent} decimals: {major}")
    if not 0 <= minor <= MAX_AMOUNT:
        raise ValueError(f"is out of range: {major}")
    return Money(amount=int(minor), currency=currency)


def _decimal(value: Any) -> Decimal:
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        raise ValueError(f"is not a number: {value!s:.40}") from None
    if isinstance(value, bool) or not number.is_finite():
        raise ValueError(f"is not a number: {value!s:.40}")
    return number


def _currency(value: Any) -> str:
    code = str(value).strip().upper()
    if len(code) != 3 or not code.isascii() or not code.isalpha():
        raise ValueError(f"is not a currency code: {value!s:.40}")
    return code


def _text(max_length: int) -> Callable[[Any], str]:
    def parse(value: Any) -> str:
        text = str(value).strip()
        if not text or "\x00" in text or isinstance(value, Mapping | list):
            raise ValueError("is not a text")
        if len(text) > max_length:
            raise ValueError(f"is longer than {max_length} characters")
        return text

    return parse


def _whole(minimum: int, maximum: int) -> Callable[[Any], int]:
    def parse(value: Any) -> int:
        number = _decimal(value)
        if number != number.to_integral_value() or not minimum <= number <= maximum:
            raise ValueError(f"is not a whole number from {minimum} to {maximum}: {value!s:.40}")
        return int(number)

    return parse


def _flag(value: Any) -> bool:
    word = str(value).strip().casefold()
    if word not in YES | NO:
        raise ValueError(f"is neither yes nor no: {value!s:.40}")
    return word in YES


def _names(value: Any) -> tuple[str, ...]:
    parse = _text(120)
    return tuple(parse(name) for name in (value if isinstance(value, list) else [value]))


def _path(tags: tuple[str, ...]) -> tuple[str, ...]:
    """The first of several categories is the product's category; `Home > Kitchen` is a path."""
    names = (name.strip() for name in tags[0].split(PATH_SEPARATOR)) if tags else ()
    return tuple(name[0].upper() + name[1:] for name in names if name)


def _file_name(value: Any) -> str:
    return PurePosixPath(_text(500)(value)).name
