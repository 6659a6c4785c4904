"""Columns are recognised by name, and never guessed."""

import pytest

from catalog.errors import AmbiguousColumn, ColumnMissing, DuplicateColumn, UnknownColumn
from catalog.imports.domain.mapping import currency_of, mapping_of, unused_columns


@pytest.mark.parametrize(
    ("columns", "pair"),
    [
        (["sku", "title", "price", "price"], "price and price"),
        (["sku", "title", "Price", "unit_price"], "Price and unit_price"),
        (["sku", "title", "name", "price"], "title and name"),
        (["sku", "SKU", "title", "price"], "sku and SKU"),
        (["sku", "title", "price", "priceUsd"], "price and priceUsd"),
        (["sku", "title", "price", "qty", "stock"], "qty and stock"),
    ],
)
def test_two_columns_of_one_meaning_are_rejected(columns: list[str], pair: str) -> None:
    with pytest.raises(DuplicateColumn, match=pair):
        mapping_of(columns, {})


@pytest.mark.parametrize(
    "column",
    [
        "Price net",
        "net price",
        "priceNet",
        "price2",
        "Amount",
        "Price all",
        "price_incl_vat",
        "Sale Price",
        "PriceXYZ",
        "Stock level",
        "Min. quantity",
    ],
)
def test_a_column_of_doubtful_meaning_is_rejected_by_name(column: str) -> None:
    columns = ["sku", "title", column] + (["price"] if column in ("Stock level", "Min. quantity") else [])
    with pytest.raises(AmbiguousColumn, match=column) as raised:
        mapping_of(columns, {})
    assert raised.value.detail == {"columns": [column]}


def test_a_price_beside_another_price_is_doubtful_until_the_mapping_states_one() -> None:
    columns = ["sku", "title", "Price", "Price net"]
    with pytest.raises(AmbiguousColumn, match="Price net"):
        mapping_of(columns, {})
    mapping = mapping_of(columns, {"price": "Price net"})
    assert mapping["price"] == "Price net"
    assert unused_columns(columns, mapping) == ["Price"]


def test_a_column_beside_one_with_the_exact_name_is_no_stock() -> None:
    assert mapping_of(["sku", "title", "price", "stock", "Stock unit"], {})["stock"] == "stock"


@pytest.mark.parametrize(
    ("column", "currency"),
    [
        ("priceUsd", "USD"),
        ("price_kes", "KES"),
        ("Price (EUR)", "EUR"),
        ("Price ALL", "ALL"),
        ("USD price", "USD"),
        ("Cost USD", "USD"),
        ("Price all", None),
        ("Price net", None),
        ("Price XXX", None),
        ("price", None),
        ("USD", None),
    ],
)
def test_the_currency_in_the_name_of_a_column_is_one_of_iso_4217(column: str, currency: str | None) -> None:
    assert currency_of(column) == currency


def test_a_column_of_the_mapping_must_exist_once_and_have_one_meaning() -> None:
    with pytest.raises(UnknownColumn):
        mapping_of(["sku", "title", "price"], {"price": "cost"})
    with pytest.raises(DuplicateColumn, match="Two columns are named cost"):
        mapping_of(["sku", "title", "cost", "cost"], {"price": "cost"})
    with pytest.raises(DuplicateColumn, match="title and price cannot both be"):
        mapping_of(["sku", "label"], {"title": "label", "price": "label"})


def test_a_name_that_cannot_be_stored_is_known_to_nobody() -> None:
    with pytest.raises(ColumnMissing):
        mapping_of(["sku", "title", "pri\ud800ce", "price\x00"], {})


def test_a_file_without_a_key_column_is_rejected() -> None:
    with pytest.raises(ColumnMissing, match="SKU"):
        mapping_of(["name", "price"], {})
