"""Personal data is collected as JSON, encrypted part by part; omitted kinds are listed."""

import json
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import timedelta
from typing import Any

import pytest

from common import clock, data_export
from common.contracts.auth import ExportRequested
from common.contracts.orders import OrdersDataGathered
from common.data_export import GZIP, collect_rows, publish_export_parts, purpose
from common.ids import new_id
from common.persistence.database import Database
from common.security.encryption import SealedBox
from common.testing import facts
from common.testing.plugin import FreshDatabase

ORDERS = "SELECT n AS number, $1::uuid AS owner FROM generate_series(5, 1, -1) AS n"
NOISE = "SELECT gen_random_uuid() AS noise FROM generate_series(1, 400), (SELECT $1::uuid) AS person"


@pytest.fixture
async def database(fresh_database: FreshDatabase) -> Database:
    return await fresh_database("common")


def requested(public_key: str, minutes: float = 15) -> ExportRequested:
    expires_at = clock.now() + timedelta(minutes=minutes)
    return ExportRequested(export_id=new_id(), user_id=new_id(), public_key=public_key, expires_at=expires_at)


async def document(database: Database, kinds: dict[str, str], most: int = 10_000) -> Any:
    async with database.begin() as tx:
        return json.loads(zlib.decompress(await collect_rows(tx, new_id(), kinds, most), GZIP))


async def test_every_kind_is_a_list_of_objects(database: Database) -> None:
    made = await document(database, {"orders": ORDERS, "none": f"{ORDERS} WHERE false", "again": ORDERS})
    assert [order["number"] for order in made["orders"]] == [5, 4, 3, 2, 1]
    assert (made["none"], made["again"], made["cut"]) == ([], made["orders"], [])
    assert await document(database, {}) == {"cut": []}


async def test_rows_beyond_the_limit_are_omitted_oldest_first_and_listed_in_cut(database: Database) -> None:
    made = await document(database, {"orders": ORDERS, "later": ORDERS}, most=150)
    assert [order["number"] for order in made["orders"]] == [5, 4]
    assert (made["later"], made["cut"]) == ([], ["orders", "later"])


async def test_the_parts_form_the_document_and_each_decrypts_in_its_place_only(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_export, "PART_BYTES", 1000)
    private, public = SealedBox.key_pair()
    request = requested(urlsafe_b64encode(public).decode())
    async with database.begin() as tx:
        await publish_export_parts(tx, request, {"noise": NOISE}, OrdersDataGathered)
    told = await facts(database, OrdersDataGathered)
    assert [event.part for event in told] == list(range(told[0].parts))
    assert len(told) > 2
    places = [purpose(request.export_id, "orders", event.part, event.parts) for event in told]
    opened = [
        SealedBox.open(private, urlsafe_b64decode(event.sealed), place)
        for event, place in zip(told, places, strict=True)
    ]
    assert len(json.loads(zlib.decompress(b"".join(opened), GZIP))["noise"]) == 400


async def test_an_expired_export_gets_no_parts(database: Database) -> None:
    async with database.begin() as tx:
        await publish_export_parts(tx, requested("", minutes=0), {"orders": ORDERS}, OrdersDataGathered)
    assert await facts(database, OrdersDataGathered) == []
