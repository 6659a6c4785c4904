"""What spreadsheets and shops write: read, or rejected by name."""

from io import BytesIO
from typing import Any

import pytest

from catalog.errors import UnreadableFile
from catalog.imports.domain.encodings import Encoding
from catalog.imports.domain.files import open_file
from catalog.imports.domain.source_rows import SourceRow

HEADER = "sku;title;price\n"


def rows_of(content: bytes, encoding: Encoding | None = None) -> list[SourceRow]:
    with open_file(BytesIO(content), encoding) as opened:
        return list(opened.rows)


def values_of(content: bytes, encoding: Encoding | None = None) -> list[dict[str, Any]]:
    return [row.values for row in rows_of(content, encoding)]


@pytest.mark.parametrize("delimiter", list(",;\t|"))
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_delimiters_and_line_ends_are_detected(delimiter: str, line_end: str) -> None:
    lines = (delimiter.join(cells) for cells in (("sku", "title", "price"), ("A", "Pot", "5")))
    assert values_of(line_end.join(lines).encode()) == [{"sku": "A", "title": "Pot", "price": "5"}]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le-bom", "utf-16-be-bom"])
def test_text_with_a_byte_order_mark_or_in_utf_8_is_read(encoding: str) -> None:
    text = HEADER + "A;Größe;5\n"
    content = ("\ufeff" + text).encode(encoding[:9]) if encoding.endswith("-bom") else text.encode(encoding)
    assert values_of(content)[0]["title"] == "Größe"


def test_another_encoding_is_named_with_its_line_and_read_when_it_is_stated() -> None:
    content = (HEADER + "A;Pot;5\nB;Größe – 5 €;5\n").encode("cp1252")
    with pytest.raises(UnreadableFile, match=r"0xf6 in line 3 is not utf-8 text: .* windows-1252"):
        rows_of(content)
    assert values_of(content, "windows-1252")[1]["title"] == "Größe – 5 €"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"PK\x03\x04rest", "Excel workbook"),
        (b"\xd0\xcf\x11\xe0rest", "Excel workbook"),
        (b"\x1f\x8brest", "gzip"),
        (HEADER.encode("utf-16-le"), "UTF-16 without a byte order mark"),
        (HEADER.encode("utf-32"), "UTF-32"),
        (b"", "empty"),
        (b"\n \n", "empty"),
        (b"sku;title,price\n", "may be separated by"),
        (b'sku;"title\n', "not valid CSV"),
        (b"sep=#\nsku#title\n", "delimiter"),
        (b"[", "ends too early"),
        (b'[{"a": 1}, {"b": ', "broken in object 2"),
        (b'[{"a": 1},]', "broken in object 1"),
        (b'[{"a": 1}] [', "more follows"),
        (b'{"a": 1}', "no list of objects"),
        (b'{"a": [{"x": 1}], "b": [{"x": 1}]}', "two lists of objects: a and b"),
        (b"[" * 60_000, "no list of objects"),
        (b'[{"a": ' + b"[" * 60_000, "nested too deeply in object 1"),
        (b'{"a": ' + b"[" * 60_000, "nested too deeply"),
    ],
)
def test_what_is_no_table_is_rejected_by_name(content: bytes, reason: str) -> None:
    with pytest.raises(UnreadableFile, match=reason):
        rows_of(content)


def test_the_separator_line_of_excel_is_obeyed_and_counted() -> None:
    rows = rows_of(b'sep=;\r\nsku;title;price\r\nA;"Pot, large\r\nand heavy";5\r\n;;\r\n\r\nB;Pan;6\r\n')
    assert [(row.line, row.values["sku"]) for row in rows] == [(3, "A"), (7, "B")]
    assert rows[0].values["title"] == "Pot, large\r\nand heavy"


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("A,Pot,1,800.00", "wrong_cell_count"),
        ("A,Pot", "wrong_cell_count"),
        ('A,"Pot"s,5', "malformed_row"),
        (f"A,{'x' * 140_000},5", "malformed_row"),
    ],
)
def test_a_line_that_does_not_match_the_header_fails_alone(line: str, code: str) -> None:
    rows = rows_of(f"sku,title,price\n{line}\nB,Pan,6\n".encode())
    assert [(row.line, row.problem and row.problem.code) for row in rows] == [(2, code), (3, None)]


def test_a_cell_below_no_name_fails_its_line() -> None:
    rows = rows_of(b"sku,title,price,\nA,Pot,5,\nB,Pan,6,7\n")
    assert [row.problem and row.problem.code for row in rows] == [None, "nameless_column"]


def test_objects_are_read_across_the_parts_in_which_a_file_is_read() -> None:
    objects = ",\n".join(
        f'{{"sku": "{number}", "title": "{"x" * 700}", "price": {number}.50}}' for number in range(500)
    )
    rows = rows_of(f'{{"note": [1, {{"a": "]"}}], "products": [{objects}], "count": 500}}'.encode())
    assert [(row.line, row.values["sku"]) for row in rows] == [(n + 1, str(n)) for n in range(500)]
    assert str(rows[3].values["price"]) == "3.50"


def test_what_a_decoder_refuses_in_one_object_is_that_objects_problem() -> None:
    rows = rows_of(b'[{"a": 1, "a": 2}, 5, {"a": NaN, "b": 1e99999999999999999999, "c": "\\ud800"}, {"a": 1}]')
    assert [row.problem and row.problem.code for row in rows] == ["repeated_key", "not_an_object", None, None]


SHOPIFY = """Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Inventory Qty,Variant Price,Gift Card
cap,Cap,Title,Default Title,CAP,2,5,
top,Top,Size,S,TOP-S,1,60,70
top,,,M,TOP-M,3,60,
top,,,,,,,
shoe,Shoe,Size,41,,1,80,
shoe,,,42,,1,90,
"""


def test_the_lines_of_a_product_in_shopifys_export_become_one_row() -> None:
    cap, top, shoe = rows_of(SHOPIFY.encode())
    assert (cap.line, cap.attributes, cap.values["Variant SKU"]) == (2, {}, "CAP")
    assert (top.line, top.attributes, top.values["Variant SKU"]) == (3, {"Size": ["S", "M"]}, "")
    assert top.values["Variant Inventory Qty"] == "4"
    assert shoe.problem is not None
    assert (shoe.problem.code, shoe.problem.field) == ("several_prices", "Variant Price")
