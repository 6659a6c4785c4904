"""An import is a task: it outlives requests and processes, and its report is kept."""

import asyncio
import csv
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import httpx
import pytest
from services.catalog.tests.conftest import data, problem
from services.catalog.tests.imports.running import IMPORTS, URL, Importer
from services.catalog.tests.media.uploads import run_job

from catalog.app import build
from catalog.imports.jobs import executor
from catalog.imports.usecases.import_rows import import_rows
from catalog.settings import Settings
from common import clock
from common.contracts.catalog import ProductCreated
from common.errors import DatabaseUnavailable
from common.ids import new_id
from common.persistence.transaction import Transaction
from common.testing import facts
from common.testing.polling import eventually
from common.web.service import Service

LEASE_OVER = timedelta(minutes=2)


def csv_file(count: int, start: int = 1) -> bytes:
    rows = (f"S-{number},Pot {number},{number}.50,2\n" for number in range(start, start + count))
    return ("sku,title,price,stock\n" + "".join(rows)).encode()


@asynccontextmanager
async def failing_after(batches: int, error: BaseException) -> AsyncIterator[None]:
    """The process ends in that way, once so many batches are in."""
    done = 0

    async def import_some(tx: Transaction, *arguments: Any) -> None:
        nonlocal done
        if done == batches:
            raise error
        done += 1
        await import_rows(tx, *arguments)

    with patch.object(executor, "import_rows", import_some):
        yield


async def test_an_import_is_answered_with_a_task_that_can_be_followed(
    importer: Importer, client: httpx.AsyncClient, staff: dict[str, str]
) -> None:
    answer = await client.post(URL, files={"file": ("a/b/pots.csv", csv_file(3))}, headers=staff)
    task = data(answer, 202)["task"]
    path = f"{IMPORTS}/{task['id']}"
    assert answer.headers["location"] == path
    assert (task["type"], task["status"], task["attempts"], task["file_name"]) == (
        "products.import",
        "PENDING",
        0,
        "pots.csv",
    )
    assert task["progress"] == {"done": 0, "total": None, "note": None}
    assert task["links"] == {"self": path, "stream": None, "result": f"{path}/rows"}
    await importer.run()
    task = data(await client.get(path, headers=staff))
    assert (task["status"], task["attempts"], task["error"]) == ("SUCCESS", 1, None)
    assert task["progress"] == {"done": 3, "total": 3, "note": None}
    assert task["created_at"] <= task["started_at"] <= task["finished_at"]
    assert task["result"] == {
        "created": 3,
        "updated": 0,
        "unchanged": 0,
        "failed": 0,
        "mapping": {"sku": "sku", "title": "title", "price": "price", "stock": "stock"},
        "unused_columns": [],
    }
    [listed] = data(await client.get(IMPORTS, headers=staff))
    assert listed == task


async def test_whatever_a_cell_or_decoder_raises_is_the_problem_of_its_row(
    importer: Importer, client: httpx.AsyncClient
) -> None:
    rows = (
        '{"sku": "A", "title": "first", "price": 1}',
        '{"sku": "B", "title": "x", "price": "1e999999"}',
        '{"sku": "C", "title": "x", "price": 1e999999}',
        '{"sku": "D", "title": "\\ud800", "price": 1}',
        '{"sku": "E", "title": "x", "price": NaN}',
        f'{{"sku": "F", "title": "x", "price": {"9" * 5000}}}',
        '{"sku": "G", "title": "a\\u0000b", "price": 1}',
        '{"sku": "H", "title": "x", "price": {"units": {}, "nanos": []}}',
        '{"sku": "I", "title": ["x"], "price": 1}',
        '{"sku": "J", "title": "x", "price": 1, "stock": "1e99"}',
        '{"sku": "K\\udfff", "title": "x", "price": 1}',
        '{"sku": "L", "title": "last", "price": 1}',
    )
    report = await importer.file(f"[{','.join(rows)}]".encode(), "p.json")
    assert (report["created"], report["failed"]) == (2, 10)
    failed = {row["line"]: [error["field"] for error in row["errors"]] for row in report["rows"] if row["errors"]}
    assert failed == {
        line: [column]
        for line, column in zip(
            range(2, 12),
            ["price", "price", "title", "price", "price", "title", "price", "title", "stock", "sku"],
            strict=True,
        )
    }
    assert {product["title"] for product in data(await client.get("/api/v1/products"))} == {"first", "last"}


@pytest.mark.parametrize(
    ("price", "currency", "amount"),
    [("1500", "JPY", 1500), ("1.525", "KWD", 1525), ("5000", "UGX", 5000), ("1.5", "JPY", None), ("1", "XXQ", None)],
)
async def test_a_row_of_a_file_has_the_decimals_of_its_currency(
    importer: Importer, client: httpx.AsyncClient, price: str, currency: str, amount: int | None
) -> None:
    [row] = (await importer.file(f"sku,title,price,currency\nA,Bowl,{price},{currency}\n".encode()))["rows"]
    if amount is None:
        assert [error["code"] for error in row["errors"]] in (["too_many_decimals"], ["unknown_currency"])
    else:
        product = data(await client.get(f"/api/v1/products/{row['product_id']}"))
        assert product["price"] == {"amount": amount, "currency": currency}


@pytest.mark.parametrize(
    ("header", "code", "field"),
    [
        ("sku,title,Price net", "ambiguous_column", "mapping.price"),
        ("sku,title,price,price", "duplicate_column", "mapping.price"),
        ("sku,title", "column_missing", "mapping.price"),
    ],
)
async def test_columns_that_would_have_to_be_guessed_are_rejected_at_once(
    client: httpx.AsyncClient, staff: dict[str, str], header: str, code: str, field: str
) -> None:
    answer = await client.post(URL, files={"file": ("p.csv", f"{header}\n".encode())}, headers=staff)
    problem(answer, 422, code, field)


async def test_what_only_the_whole_file_shows_fails_the_task_before_the_first_row(
    importer: Importer, client: httpx.AsyncClient
) -> None:
    objects = ",".join(f'{{"sku": "{number}", "title": "Pot", "price": 1}}' for number in range(1100))
    task = await importer.queue(f'[{objects}, {{"sku": '.encode(), "p.json")
    await importer.run()
    task = await importer.task(task)
    assert (task["status"], task["error"]["code"]) == ("FAILURE", "unreadable_file")
    assert "object 1101" in task["error"]["message"]
    assert data(await client.get("/api/v1/products")) == []


async def test_a_row_that_the_database_rejects_fails_alone(importer: Importer) -> None:
    await importer.file(b"sku,id,title,price\nA,1,Pot,5\nB,2,Pan,5\n")
    report = await importer.file(b"sku,id,title,price\nC,3,Cup,5\nA,2,Pot,5\nD,4,Jug,5\n")
    assert [row["outcome"] for row in report["rows"]] == ["created", "failed", "created"]
    [error] = report["rows"][1]["errors"]
    assert (error["field"], error["code"]) == ("id", "external_key_taken")


@pytest.mark.parametrize("error", [DatabaseUnavailable("away"), RuntimeError("a bug")])
async def test_an_attempt_that_breaks_off_is_continued_without_doubles(
    catalog: Service, importer: Importer, error: Exception
) -> None:
    task = await importer.queue(csv_file(230))
    with clock.use(clock.FixedClock(datetime.now(UTC))) as time:
        async with failing_after(2, error):
            if isinstance(error, DatabaseUnavailable):
                with pytest.raises(DatabaseUnavailable):
                    await importer.run()
            else:
                with patch.object(executor.ImportExecutor, "_import_alone", side_effect=error):
                    await importer.run()
        assert (await importer.task(task))["progress"]["done"] == 100
        await importer.run()
        assert (await importer.task(task))["progress"]["done"] == 100, "the lease has not ended"
        time.advance(LEASE_OVER)
        result = await importer.finished(task)
    assert result["created"] == 230
    assert [row["line"] for row in result["rows"]] == list(range(2, 232))
    assert (await importer.task(task))["attempts"] == 2
    assert len(await facts(catalog.database, ProductCreated)) == 230
    async with catalog.database.begin() as tx:
        assert await tx.sql.fetchval("SELECT sum(available) FROM stock") == 460


async def test_a_process_that_stops_leaves_its_import_to_the_next_at_once(importer: Importer) -> None:
    task = await importer.queue(csv_file(120))
    async with failing_after(1, asyncio.CancelledError()):
        with pytest.raises(asyncio.CancelledError):
            await importer.run()
    assert (await importer.task(task))["status"] == "RETRY"
    assert (await importer.finished(task))["created"] == 120


async def test_an_import_that_is_stopped_keeps_what_is_in_and_imports_no_more(
    importer: Importer, client: httpx.AsyncClient, staff: dict[str, str]
) -> None:
    task = await importer.queue(csv_file(120))
    path = task["links"]["self"]
    goes_on = asyncio.Event()

    async def slowly(tx: Transaction, claim: Any, rows: Any, *rest: Any) -> None:
        if rows[0].position > 50:
            await goes_on.wait()
        await import_rows(tx, claim, rows, *rest)

    async def has_begun() -> bool:
        return bool((await importer.task(task))["progress"]["done"])

    with patch.object(executor, "import_rows", slowly):
        running = asyncio.create_task(importer.run())
        await eventually(has_begun)
        stopped = data(await client.post(f"{path}/revoke", headers=staff))
        goes_on.set()
        await running
    assert (stopped["status"], stopped["progress"]["done"]) == ("REVOKED", 50)
    assert (await importer.task(task)) == stopped
    assert len(await importer.report(task)) == 50
    problem(await client.post(f"{path}/revoke", headers=staff), 409, "import_finished")


async def test_a_person_has_a_bounded_number_of_unfinished_imports(
    importer: Importer, client: httpx.AsyncClient, staff: dict[str, str]
) -> None:
    for _ in range(3):
        await importer.queue(csv_file(1))
    answer = await client.post(URL, files={"file": ("p.csv", csv_file(1))}, headers=staff)
    problem(answer, 409, "too_many_imports")
    await importer.run()
    await importer.queue(csv_file(1))


async def test_more_rows_than_the_limit_fail_the_task(catalog: Service, importer: Importer) -> None:
    task = await importer.queue(csv_file(4))
    await run_job(build(Settings(database_url=catalog.database.url, import_max_rows=3)), "catalog.imports")
    task = await importer.task(task)
    assert (task["status"], task["error"]["code"]) == ("FAILURE", "too_many_rows")


async def test_the_report_has_pages_and_can_be_downloaded(
    importer: Importer, client: httpx.AsyncClient, staff: dict[str, str]
) -> None:
    content = csv_file(130) + b"=HYPERLINK(1),Bad,cheap,x\n"
    task = await importer.queue(content)
    result = await importer.finished(task)
    assert [row["line"] for row in result["rows"]] == list(range(2, 133))
    [failed] = await importer.report(task, outcome="failed")
    assert [error["field"] for error in failed["errors"]] == ["price", "stock"]
    assert [row["sku"] for row in await importer.report(task, search="s-77")] == ["S-77"]
    answer = await client.get(f"{task['links']['self']}/report.csv", headers=staff)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(answer.text.removeprefix("\ufeff").splitlines()))
    assert len(rows) == 132
    assert [(row["line"], row["field"], row["code"]) for row in rows[-2:]] == [
        ("132", "price", "not_a_number"),
        ("132", "stock", "not_a_number"),
    ]
    problem(
        await client.get(task["links"]["result"], params={"cursor": "x"}, headers=staff),
        422,
        "invalid_cursor",
        "cursor",
    )


async def test_imports_are_listed_searched_and_ordered(
    importer: Importer, client: httpx.AsyncClient, staff: dict[str, str]
) -> None:
    for name in ("b.csv", "a.csv"):
        await importer.file(csv_file(1), name)

    async def names(**query: str) -> list[str]:
        return [task["file_name"] for task in data(await client.get(IMPORTS, params=query, headers=staff))]

    assert await names() == ["a.csv", "b.csv"]
    assert await names(ordering="-file_name") == ["b.csv", "a.csv"]
    assert await names(search="B.CSV") == ["b.csv"]
    assert await names(search="revoked") == []


async def test_old_imports_are_deleted_with_their_reports(catalog: Service, importer: Importer) -> None:
    task = await importer.queue(csv_file(2))
    await importer.finished(task)
    async with catalog.database.begin() as tx:
        assert await tx.sql.fetchval("SELECT count(*) FROM product_import_chunk") == 0, (
            "the file is not needed any more"
        )
    await run_job(catalog, "catalog.old-imports")
    await importer.task(task)
    with clock.use(clock.FixedClock(datetime.now(UTC) + timedelta(days=31))):
        await run_job(catalog, "catalog.old-imports")
    problem(await importer.client.get(task["links"]["self"], headers=importer.staff), 404, "not_found")
    async with catalog.database.begin() as tx:
        assert await tx.sql.fetchval("SELECT count(*) FROM product_import_row") == 0


async def test_imports_are_for_staff(client: httpx.AsyncClient, tokens: Any, importer: Importer) -> None:
    task = await importer.queue(csv_file(1))
    customer = tokens.bearer()
    for path in (IMPORTS, task["links"]["self"], task["links"]["result"], f"{task['links']['self']}/report.csv"):
        problem(await client.get(path, headers=customer), 403, "forbidden")
        problem(await client.get(path), 401, "unauthenticated")
    problem(await client.get(f"{IMPORTS}/{new_id()}", headers=importer.staff), 404, "not_found")


@pytest.mark.parametrize(
    ("form", "code", "field"),
    [
        ({"currency": "XXQ"}, "unknown_currency", "currency"),
        ({"decimal": ";"}, "invalid_choice", "decimal"),
        ({"encoding": "klingon"}, "invalid_choice", "encoding"),
        ({"stock": "-1"}, "too_small", "stock"),
        ({"colour": "red"}, "unknown_field", "colour"),
        ({"mapping": "[" * 60_000}, "malformed_json", "mapping"),
        ({"mapping": '{"price": 5}'}, "wrong_type", "mapping.price"),
    ],
)
async def test_a_wrong_statement_about_the_file_is_rejected(
    client: httpx.AsyncClient, staff: dict[str, str], form: dict[str, str], code: str, field: str
) -> None:
    answer = await client.post(URL, files={"file": ("p.csv", csv_file(1))}, data=form, headers=staff)
    problem(answer, 422, code, field)


@pytest.mark.parametrize(
    ("body", "kind", "status", "code"),
    [
        (b"[" * 60_000, "application/json", 400, "malformed_json"),
        (b'{"rows": [{"sku": "\xff"}]}', "application/json", 400, "malformed_json"),
        (b'{"rows": [], "rows": []}', "application/json", 400, "malformed_json"),
        (b'{"rows": [5]}', "application/json", 422, "wrong_type"),
        (b"[]", "application/json", 422, "wrong_type"),
        (b"sku,title,price\n", "text/csv", 415, "unsupported_media_type"),
        (b"", "", 415, "unsupported_media_type"),
    ],
)
async def test_a_body_that_is_no_import_is_a_clients_mistake(
    client: httpx.AsyncClient, staff: dict[str, str], body: bytes, kind: str, status: int, code: str
) -> None:
    answer = await client.post(URL, content=body, headers=staff | {"Content-Type": kind})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (status, code), answer.text


async def test_media_types_have_no_case(client: httpx.AsyncClient, staff: dict[str, str], importer: Importer) -> None:
    disposition = b'Content-Disposition: form-data; name="file"; filename="p.csv"'
    body = b"--X\r\n" + disposition + b"\r\n\r\nsku,title,price\nM,Pot,10\n\r\n--X--\r\n"
    headers = staff | {"Content-Type": "Multipart/Form-Data; boundary=X"}
    task = data(await client.post(URL, content=body, headers=headers), 202)["task"]
    assert (await importer.finished(task))["created"] == 1


async def test_two_spellings_of_an_accent_are_one_sku(importer: Importer) -> None:
    await importer.file("sku,title,price\nCaf\u00e9,Kahawa,10\n".encode())
    [row] = (await importer.file("sku,title,price\nCafe\u0301,Kahawa,11\n".encode()))["rows"]
    assert row["outcome"] == "updated"


async def test_a_product_named_imports_can_be_read_by_its_slug(
    importer: Importer, client: httpx.AsyncClient, staff: dict[str, str]
) -> None:
    [row] = (await importer.file(b"sku,title,price\nA,Imports,10\n"))["rows"]
    product = data(await client.get(f"/api/v1/products/{row['product_id']}"))
    assert product["slug"] == "imports-2"
    assert data(await client.get("/api/v1/products/imports-2"))["id"] == row["product_id"]
    answer = await client.patch(f"/api/v1/products/{product['id']}", json={"slug": "imports"}, headers=staff)
    problem(answer, 409, "slug_taken", "slug")
