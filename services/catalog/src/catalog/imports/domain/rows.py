"""From a row of a file to a product: every value is checked, every problem names its column."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Any

from catalog.imports.domain.cells import BadCellError, BadNumber, Problem, RepeatedKeys, is_storable, shown, text_of
from catalog.imports.domain.mapping import ColumnMapping, currency_of
from catalog.imports.domain.numbers import SCIENTIFIC, Notation, read_number
from catalog.imports.domain.source_rows import SourceRow
from common.money import Money, exponent_of, is_currency

MAX_AMOUNT = 10**13
"""In minor units, as for prices of the API."""
MAX_DIGITS = 20
PATH_SEPARATOR = " > "
YES = frozenset(("true", "yes", "y", "1", "on"))
NO = frozenset(("false", "no", "n", "0", "off"))


class BadRowError(Exception):
    """A row that cannot become a product."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(f"{p.field}: {p.message}" for p in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class RowRules:
    """What applies to all rows of a file: `currency` to prices without one, `stock` where no column states it."""

    mapping: ColumnMapping
    currency: str
    notation: Notation
    stock: int = 0


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
    rules: RowRules
    problems: list[Problem] = field(default_factory=list)

    def has(self, name: str) -> bool:
        """Whether the row has a value in this column."""
        column = self.rules.mapping.get(name)
        value = self.row.get(column) if column else None
        return value not in (None, [], {}) and not (isinstance(value, str) and not value.strip())

    def read(self, name: str, parse: Callable[[Any], Any], default: Any = None) -> Any:
        if not self.has(name):
            return default
        column = self.rules.mapping[name]
        try:
            return parse(self.row[column])
        except BadCellError as error:
            self.problems.append(Problem(shown(column), error.code, str(error)))
            return default

    def require(self, name: str) -> None:
        if not self.has(name):
            self.problems.append(Problem(shown(self.rules.mapping.get(name, name)), "missing", "is missing"))


def imported_product(source: SourceRow, rules: RowRules) -> ImportedProduct:
    """The product of a row. Raises BadRowError with all problems."""
    if source.problem:
        raise BadRowError([source.problem])
    mapping = rules.mapping
    reader = _Reader(source.values, rules)
    reader.require("title")
    reader.require("price")
    if not (reader.has("sku") or reader.has("external_key")):
        reader.require("sku" if "sku" in mapping else "external_key")
    currency = _row_currency(reader)
    attributes = _attributes(reader, source.attributes)
    tags = reader.read("category", _names, ())
    product = ImportedProduct(
        values=_values(reader, currency) | _with_tags(attributes, tags),
        sku=reader.read("sku", _key(64)),
        external_key=reader.read("external_key", _key(200)),
        category=_path(tags),
        stock=reader.read("stock", _whole(0, 1_000_000, rules.notation), 0 if "stock" in mapping else rules.stock),
        image=reader.read("image", _file_name),
    )
    if reader.problems:
        raise BadRowError(reader.problems)
    return product


def _row_currency(reader: _Reader) -> str | None:
    """The currency that the row or the name of its price column states."""
    stated: str | None = reader.read("currency", _currency)
    named = currency_of(reader.rules.mapping["price"])
    if stated and named and stated != named:
        column = reader.rules.mapping["currency"]
        reader.problems.append(Problem(shown(column), "conflicting_currency", f"is {stated}, the price is in {named}"))
    return stated or named


def _values(reader: _Reader, currency: str | None) -> dict[str, Any]:
    """The fields that the row has; the others of an existing product stay unchanged."""
    rules = reader.rules
    parsers: dict[str, Callable[[Any], Any]] = {
        "title": _text(200),
        "description": _text(20_000),
        "brand": _text(120),
        "price": lambda value: _price(value, currency, rules),
        "discount_percent": _whole(0, 100, rules.notation),
        "is_active": _flag,
        "is_featured": _flag,
    }
    return {name: reader.read(name, parse) for name, parse in parsers.items() if reader.has(name)}


def _attributes(reader: _Reader, given: Mapping[str, list[str]]) -> dict[str, list[str]]:
    try:
        return {_text(64)(name): [_text(120)(value) for value in values] for name, values in given.items()}
    except BadCellError as error:
        reader.problems.append(Problem("attributes", error.code, str(error)))
        return {}


def _with_tags(attributes: dict[str, list[str]], tags: tuple[str, ...]) -> dict[str, Any]:
    """The attributes, with the categories of a product that has several."""
    all_attributes = attributes | ({"categories": list(tags)} if len(tags) > 1 else {})
    return {"attributes": all_attributes} if all_attributes else {}


def _price(value: Any, currency: str | None, rules: RowRules) -> Money:
    """A decimal number of major units, {amount, currency} in minor units, or {units, nanos, currencyCode}."""
    if not isinstance(value, Mapping):
        code = currency or rules.currency
        return _money(read_number(value, rules.notation, exponent_of(code)), code)
    if isinstance(value, RepeatedKeys):
        raise BadCellError("repeated_key", f"has {shown(value.repeated)} twice")
    code = _object_currency(value, currency) or rules.currency
    units, nanos, amount = (_part(value, name) for name in ("units", "nanos", "amount"))
    if amount is not None:
        return _money(amount.scaleb(-exponent_of(code)), code)
    if units is None and nanos is None:
        raise BadCellError("missing", "has no amount")
    if nanos is not None and abs(nanos) >= 10**9:
        raise BadCellError("out_of_range", f"has too many nanos: {shown(value)}")
    return _money((units or Decimal(0)) + (nanos or Decimal(0)).scaleb(-9), code)


def _object_currency(value: Mapping[str, Any], stated: str | None) -> str | None:
    given = value.get("currencyCode") or value.get("currency")
    code = _currency(given) if given else None
    if code and stated and code != stated:
        raise BadCellError("conflicting_currency", f"is in {code}, its row or column says {stated}")
    return code or stated


def _part(value: Mapping[str, Any], name: str) -> Decimal | None:
    """A whole number of a price's object; protobuf's JSON writes 64-bit numbers as strings."""
    if value.get(name) is None:
        return None
    number = read_number(value[name], Notation())
    if not _is_plausible(number):
        raise BadCellError("out_of_range", f"is out of range: {shown(value)}")
    if number != number.to_integral_value():
        raise BadCellError("not_a_whole_number", f"has {name} that are no whole number: {shown(value)}")
    return number


def _money(major: Decimal, currency: str) -> Money:
    if not _is_plausible(major):
        raise BadCellError("out_of_range", f"is out of range: {shown(str(major))}")
    try:
        money = Money.from_major(major, currency)
    except ValueError:
        exponent = exponent_of(currency)
        raise BadCellError(
            "too_many_decimals", f"has more than {exponent} decimals, which {currency} does not have: {major}"
        ) from None
    if not 0 <= money.amount <= MAX_AMOUNT:
        raise BadCellError("out_of_range", f"is out of range: {major}")
    return money


def _is_plausible(number: Decimal) -> bool:
    """Whether arithmetic with it is exact and cheap: 1e999999 is one digit and a million zeros."""
    return number.is_finite() and -MAX_DIGITS < number.adjusted() < MAX_DIGITS and len(number.as_tuple().digits) < 28


def _currency(value: Any) -> str:
    code = str(value).strip().upper()
    if not is_currency(code):
        raise BadCellError("unknown_currency", f"is not a currency of ISO 4217: {shown(value)}")
    return code


def _text(max_length: int) -> Callable[[Any], str]:
    def parse(value: Any) -> str:
        if isinstance(value, Mapping | list | bool | BadNumber):
            raise BadCellError("not_a_text", f"is not a text: {shown(value)}")
        text = text_of(value)
        if not is_storable(text):
            raise BadCellError("not_a_text", f"has a character that cannot be stored: {shown(text)}")
        if len(text) > max_length:
            raise BadCellError("too_long", f"is longer than {max_length} characters")
        return text

    return parse


def _key(max_length: int) -> Callable[[Any], str]:
    """A SKU or another key: a text that a spreadsheet has not shortened."""
    parse = _text(max_length)

    def key(value: Any) -> str:
        text = parse(value)
        if SCIENTIFIC.fullmatch(text) and ("." in text or "," in text):
            raise BadCellError("scientific_notation", f"is a number that a spreadsheet has shortened: {shown(text)}")
        return text

    return key


def _whole(minimum: int, maximum: int, notation: Notation) -> Callable[[Any], int]:
    def parse(value: Any) -> int:
        number = read_number(value, notation)
        if not _is_plausible(number) or number != number.to_integral_value() or not minimum <= number <= maximum:
            text = f"is not a whole number from {minimum} to {maximum}: {shown(value)}"
            raise BadCellError("not_a_whole_number", text)
        return int(number)

    return parse


def _flag(value: Any) -> bool:
    word = str(value).strip().casefold()
    if word not in YES | NO:
        raise BadCellError("not_a_flag", f"is neither yes nor no: {shown(value)}")
    return word in YES


def _names(value: Any) -> tuple[str, ...]:
    parse = _text(120)
    names = (parse(name) for name in (value if isinstance(value, list) else [value]))
    return tuple(name for name in names if name)


def _path(tags: tuple[str, ...]) -> tuple[str, ...]:
    """The first of several categories is the product's category; `Home > Kitchen` is a path."""
    names = (name.strip() for name in tags[0].split(PATH_SEPARATOR)) if tags else ()
    return tuple(name[0].upper() + name[1:] for name in names if name)


def _file_name(value: Any) -> str:
    return PurePosixPath(_text(500)(value)).name
