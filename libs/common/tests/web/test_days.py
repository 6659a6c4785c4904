"""`from` and `to`: days and times, and the zone that days count in."""

from datetime import date
from zoneinfo import ZoneInfo

import pytest
from httpx import AsyncClient

from common.testing import TestIssuer
from common.web.days import start_of_day

PERIODS = "/api/v1/periods"


async def period(client: AsyncClient, query: str, headers: dict[str, str] | None = None) -> tuple[str, str]:
    answer = await client.get(f"{PERIODS}?{query}", headers=headers)
    assert answer.status_code == 200, answer.text
    data = answer.json()["data"]
    return data["since"], data["until"]


@pytest.mark.parametrize(
    ("zone", "since", "until"),
    [
        ("Africa/Dar_es_Salaam", "2026-01-31T21:00:00Z", "2026-02-01T21:00:00Z"),
        ("America/New_York", "2026-02-01T05:00:00Z", "2026-02-02T05:00:00Z"),
        ("Pacific/Kiritimati", "2026-01-31T10:00:00Z", "2026-02-01T10:00:00Z"),
        ("Asia/Kathmandu", "2026-01-31T18:15:00Z", "2026-02-01T18:15:00Z"),
        ("asia/kathmandu", "2026-01-31T18:15:00Z", "2026-02-01T18:15:00Z"),
    ],
)
async def test_a_day_counts_in_the_zone_of_the_header_and_to_includes_it(
    client: AsyncClient, zone: str, since: str, until: str
) -> None:
    assert await period(client, "from=2026-02-01&to=2026-02-01", {"timezone": zone}) == (since, until)


async def test_without_the_header_a_day_counts_in_the_users_own_zone_and_then_in_utc(
    client: AsyncClient, tokens: TestIssuer
) -> None:
    query = "from=2026-02-01&to=2026-02-01"
    at_home = tokens.bearer(zoneinfo="Asia/Kathmandu")
    assert await period(client, query, at_home) == ("2026-01-31T18:15:00Z", "2026-02-01T18:15:00Z")
    travelling = at_home | {"timezone": "Europe/Paris"}
    assert await period(client, query, travelling) == ("2026-01-31T23:00:00Z", "2026-02-01T23:00:00Z")
    in_utc = ("2026-02-01T00:00:00Z", "2026-02-02T00:00:00Z")
    assert await period(client, query) == in_utc
    assert await period(client, query, tokens.bearer()) == in_utc
    assert await period(client, query, tokens.bearer(zoneinfo="Not/Known_Here")) == in_utc


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Paris", "2026-03-29", 23),
        ("Europe/Paris", "2026-10-25", 25),
        ("Africa/Cairo", "2026-04-24", 23),  # clocks skip midnight
        ("America/Havana", "2026-11-01", 25),  # midnight comes twice
        ("Australia/Lord_Howe", "2026-10-04", 23.5),
        ("Pacific/Apia", "2011-12-30", 0),  # the day did not happen
    ],
)
def test_a_day_has_the_hours_that_the_clocks_of_its_zone_count(zone: str, day: str, hours: float) -> None:
    first = date.fromisoformat(day)
    length = start_of_day(date.fromordinal(first.toordinal() + 1), ZoneInfo(zone)) - start_of_day(first, ZoneInfo(zone))
    assert length.total_seconds() == hours * 3600


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("2026-02-01T08:00:00Z", "2026-02-01T08:00:00Z"),
        ("2026-02-01T08:00:00%2B03:00", "2026-02-01T05:00:00Z"),
        ("2026-02-01T08:00:00+03:00", "2026-02-01T05:00:00Z"),  # a plus sign that nobody encoded
        ("2026-02-01t08:00:00.123456z", "2026-02-01T08:00:00.123456Z"),
        ("2026-02-01T08:00:00-11:30", "2026-02-01T19:30:00Z"),
        ("2026-02-01T08:00Z", "2026-02-01T08:00:00Z"),
    ],
)
async def test_a_time_means_itself_whatever_the_zone(client: AsyncClient, sent: str, meant: str) -> None:
    assert await period(client, f"from={sent}&to={sent}", {"timezone": "Asia/Tokyo"}) == (meant, meant)


@pytest.mark.parametrize(
    "wrong",
    [
        "yesterday",
        "2026-02-30",
        "2026-13-01",
        "01.02.2026",
        "2026-02-01T08:00:00",
        "2026-02-01T25:00:00Z",
        "1",
        "",
        "٢٠٢٦-٠٢-٠١",
    ],
)
async def test_what_is_neither_a_date_nor_a_time_is_rejected_by_name(client: AsyncClient, wrong: str) -> None:
    for field in ("from", "to"):
        answer = await client.get(PERIODS, params={field: wrong})
        assert answer.status_code == 422, answer.text
        assert [(problem["field"], problem["code"]) for problem in answer.json()["errors"]] == [(field, "invalid_date")]


@pytest.mark.parametrize("query", ["to=9999-12-31", "from=0001-01-01", "from=0001-01-01T00:00:00%2B14:00"])
async def test_a_day_at_the_end_of_the_calendar_is_rejected(client: AsyncClient, query: str) -> None:
    answer = await client.get(f"{PERIODS}?{query}", headers={"timezone": "Etc/GMT-14"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == query.partition("=")[0]


async def test_a_period_that_ends_before_it_begins_is_rejected(client: AsyncClient) -> None:
    answer = await client.get(f"{PERIODS}?from=2026-02-02&to=2026-02-01")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "from")
    assert (await client.get(f"{PERIODS}?from=2026-02-01&to=2026-02-01")).status_code == 200


@pytest.mark.parametrize("zone", ["Mars/Olympus", "UTC+3", "+03:00", "undefined", "", "../../etc/passwd", "Z\xfcrich"])
@pytest.mark.parametrize("target", ["GET /periods", "GET /greeting", "POST /orders", "DELETE /nothing/here"])
async def test_an_unknown_zone_is_rejected_on_every_operation(client: AsyncClient, target: str, zone: str) -> None:
    method, path = target.split()
    answer = await client.request(method, f"/api/v1{path}", headers={b"timezone": zone.encode("latin-1")})
    assert answer.status_code == 400
    assert answer.json()["code"] == "unknown_time_zone"
    assert answer.json()["errors"][0]["field"] == "timezone"
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
