import json
import os
from pathlib import Path
from typing import Any

import httpx
import pytest
from services.catalog.tests.conftest import MakeProduct, data, problem
from services.catalog.tests.imports.running import Importer

from common.contracts.catalog import ProductChanged, ProductCreated
from common.testing import facts
from common.web.service import Service

URL = "/api/v1/products/import"

ESHOP = [
    {
        "Id": number,
        "Type": kind,
        "Brand": "Daybird",
        "Name": f"{kind} No. {number}",
        "Description": "Good for long walks.",
        "Price": 109.99,
    }
    for number, kind in enumerate(("Footwear", "Ski/boarding", "Footwear"), start=1)
]
BOUTIQUE = {
    "products": [
        {
            "id": "66VCHSJNUP",
            "name": "Tank Top",
            "description": "Cropped cotton.",
            "picture": "/static/img/products/tank-top.jpg",
            "priceUsd": {"currencyCode": "USD", "units": 18, "nanos": 990000000},
            "categories": ["clothing", "tops"],
        }
    ]
}


def catalogue_file(name: str, fallback: Any) -> bytes:
    """A real file if `dukan test` found one beside the checkout, otherwise a small one of the same structure."""
    folder = os.environ.get("DUKAN_TEST_DATA")
    path = Path(folder, name) if folder else None
    return path.read_bytes() if path and path.is_file() else json.dumps(fallback).encode()


def counts(report: dict[str, Any]) -> tuple[int, int, int, int]:
    return report["created"], report["updated"], report["unchanged"], report["failed"]


async def test_importing_a_file_with_types_and_brands_twice_creates_its_products_once(
    catalog: Service, importer: Importer, client: httpx.AsyncClient, staff: dict[str, str]
) -> None:
    content = catalogue_file("eshop/catalog.json", ESHOP)
    source = json.loads(content)
    assert counts(await importer.file(content)) == (len(source), 0, 0, 0)
    again = await importer.file(content)
    assert counts(again) == (0, 0, len(source), 0)
    assert again["mapping"] == {
        "title": "Name",
        "external_key": "Id",
        "description": "Description",
        "brand": "Brand",
        "category": "Type",
        "price": "Price",
    }
    tree = data(await client.get("/api/v1/categories/tree"))
    assert {branch["name"] for branch in tree} == {row["Type"] for row in source}
    [first] = data(await client.get("/api/v1/products", params={"search": source[0]["Name"]}))
    assert first["price"] == {"amount": 10999, "currency": "TZS"}
    assert (first["brand"], first["category"]["name"]) == (source[0]["Brand"], source[0]["Type"])
    assert len(await facts(catalog.database, ProductCreated)) == len(source)
    assert await facts(catalog.database, ProductChanged) == []


async def test_prices_in_units_and_nanos_keep_their_currency(
    importer: Importer, client: httpx.AsyncClient, staff: dict[str, str]
) -> None:
    content = catalogue_file("boutique/products.json", BOUTIQUE)
    report = await importer.file(content)
    assert counts(report)[0] == len(json.loads(content)["products"])
    row = next(row for row in report["rows"] if row["external_key"] == "66VCHSJNUP")
    assert row["image"] == "tank-top.jpg"
    product = data(await client.get(f"/api/v1/products/{row['product_id']}"))
    assert product["price"] == {"amount": 1899, "currency": "USD"}
    assert product["category"]["name"] == "Clothing"
    assert product["attributes"] == {"categories": ["clothing", "tops"]}


async def test_bad_rows_are_reported_by_line_and_column_and_good_rows_are_imported(
    importer: Importer, client: httpx.AsyncClient, staff: dict[str, str], make_product: MakeProduct
) -> None:
    await make_product(title="Other", sku="TAKEN", slug="other")
    content = (
        "\ufeffSKU;Product name;Price;Discount;Stock;Category\n"
        'A-1;"Two\nlines";1000.50;10;5;Home > Kitchen\n'
        "A-2;;12,5;200;-1;Home\n"
        ";No key;1;;;\n"
        "A-4;Too fine;0.005;;;\n"
        "A-5;Last;7;;;Home\n"
    ).encode()
    report = await importer.file(content)
    assert counts(report) == (2, 0, 0, 3)
    problems = {row["line"]: [problem["field"] for problem in row["errors"]] for row in report["rows"]}
    assert problems == {2: [], 4: ["Product name", "Discount", "Stock"], 5: ["SKU"], 6: ["Price"], 7: []}
    product = data(await client.get("/api/v1/products/two-lines"))
    assert (product["final_price"]["amount"], product["category"]["slug"]) == (90045, "kitchen")
    assert data(await client.get(f"/api/v1/products/{product['id']}/stock"))["available"] == 5


async def test_a_second_import_updates_changed_products_but_not_their_stock(
    importer: Importer, client: httpx.AsyncClient, staff: dict[str, str]
) -> None:
    first = await importer.file(b"sku,name,price,stock\nA,Pot,10,5\nB,Pan,20,5\n")
    second = await importer.file(b"sku,name,price,stock\nA,Pot,11,50\nB,Pan,20,50\n")
    assert [row["outcome"] for row in second["rows"]] == ["updated", "unchanged"]
    path = f"/api/v1/products/{first['rows'][0]['product_id']}"
    assert data(await client.get(path))["price"]["amount"] == 1100
    assert data(await client.get(f"{path}/stock"))["available"] == 5


async def test_a_request_can_set_the_mapping_and_the_currency(
    importer: Importer, client: httpx.AsyncClient, staff: dict[str, str]
) -> None:
    rows = [{"code": "A", "label": "Pot", "cost": "10"}]
    mapping = {"sku": "code", "title": "label", "price": "cost"}
    body: dict[str, Any] = {"rows": rows, "mapping": mapping, "currency": "KES", "lines": [7]}
    [row] = (await importer.rows(**body))["rows"]
    assert (row["line"], row["outcome"]) == (7, "created")
    product = data(await client.get(f"/api/v1/products/{row['product_id']}"))
    assert product["price"] == {"amount": 1000, "currency": "KES"}


@pytest.mark.parametrize(
    ("currency", "price", "amount"),
    [("UGX", "2500", 2500), ("BHD", "1.234", 1234), ("BHD", {"amount": 1234}, 1234), ("UGX", "0.5", None)],
)
async def test_a_price_has_the_decimals_of_its_currency(
    importer: Importer, client: httpx.AsyncClient, staff: dict[str, str], currency: str, price: Any, amount: int | None
) -> None:
    body: dict[str, Any] = {"rows": [{"sku": "A", "name": "Pot", "price": price}], "currency": currency}
    [row] = (await importer.rows(**body))["rows"]
    if amount is None:
        assert row["errors"][0]["message"] == "has more than 0 decimals, which UGX does not have: 0.5"
    else:
        product = data(await client.get(f"/api/v1/products/{row['product_id']}"))
        assert product["price"] == {"amount": amount, "currency": currency}


async def test_an_unreadable_file_or_mapping_is_rejected_as_a_whole(
    importer: Importer, client: httpx.AsyncClient, staff: dict[str, str]
) -> None:
    for content in (b"", b"\xff\xfe", b'{"a": 1}', b"[{]", b"[1, 2]"):
        answer = await client.post(URL, files={"file": ("x", content)}, headers=staff)
        assert problem(answer, 422, "unreadable_file", "file")
    good = {"file": ("x", b"sku,name,price\nA,Pot,1\n")}
    bad_mapping = await client.post(URL, files=good, data={"mapping": '{"colour": "name"}'}, headers=staff)
    problem(bad_mapping, 422, "unknown_field", "mapping.colour")
    no_mapping = await client.post(URL, files=good, data={"mapping": "{"}, headers=staff)
    problem(no_mapping, 422, "malformed_json", "mapping")
    problem(await client.post(URL, files={"other": ("x", b"")}, headers=staff), 422, "missing", "file")
    problem(await client.post(URL, json={"rows": []}, headers=staff), 422, "too_short", "rows")
    too_many = {"rows": [{"sku": "A"}] * 2001}
    problem(await client.post(URL, json=too_many, headers=staff), 422, "too_long", "rows")
    uneven = {"rows": [{"sku": "A", "name": "x", "price": 1}], "lines": [1, 2]}
    problem(await client.post(URL, json=uneven, headers=staff), 422, "invalid", "lines")
    assert data(await client.get("/api/v1/products")) == []


@pytest.mark.parametrize(
    ("price", "amount"),
    [
        (0.1, 10),
        ("1999.90", 199990),
        (12, 1200),
        ({"amount": 1234}, 1234),
        ({"units": "5", "nanos": 10_000_000}, 501),
        (True, None),
        ("NaN", None),
        ("1e30", None),
        (-1, None),
        ({"amount": 1.5}, None),
        ([], None),
        ("1,000", None),
    ],
)
async def test_prices_are_exact_or_rejected(
    importer: Importer, client: httpx.AsyncClient, staff: dict[str, str], price: Any, amount: int | None
) -> None:
    body: dict[str, Any] = {"rows": [{"sku": "A", "name": "Pot", "price": price}]}
    [row] = (await importer.rows(**body))["rows"]
    if amount is None:
        assert (row["outcome"], row["errors"][0]["field"]) == ("failed", "price")
    else:
        product = data(await client.get(f"/api/v1/products/{row['product_id']}"))
        assert product["price"]["amount"] == amount
