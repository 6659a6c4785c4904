"""The journal: every event, once, in order, as a tree."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from common import clock
from common.bus.delivery import Dead, Done
from common.contracts.auth import UserDeactivated
from common.events.cloudevent import CloudEvent
from common.ids import new_id
from common.testing import TestIssuer, cloud_event_of, deliver
from common.web.service import Service
from operations.journal.store import delete_events_before
from operations.retention import retention

JOURNAL = "operations.journal"


def make_event(
    correlation_id: str = "trace-1", cause: CloudEvent | None = None, data: bytes | None = None
) -> CloudEvent:
    event = cloud_event_of(UserDeactivated(user_id=new_id()))
    changed = {"correlation_id": correlation_id, "causation_id": str(cause.id) if cause else None}
    return replace(event, **changed, data=data or event.data)  # type: ignore[arg-type]


async def test_an_event_that_arrives_twice_is_stored_once(service: Service, staff: httpx.AsyncClient) -> None:
    event = make_event()
    await deliver(service, event, make_event(), consumer=JOURNAL)
    await deliver(service, event, consumer=JOURNAL)

    stored = (await staff.get("/api/v1/events")).json()["data"]

    assert len(stored) == 2
    found = (await staff.get(f"/api/v1/events/{event.id}")).json()["data"]
    assert found["type"] == "auth.user.deactivated.v1"
    assert found["source"] == "auth"
    assert found["subject"] == event.subject
    assert found["data"] == {"user_id": event.subject}
    assert datetime.fromisoformat(found["time"]) == event.time


async def test_a_trace_shows_what_led_to_what(service: Service, staff: httpx.AsyncClient) -> None:
    placed = make_event()
    reserved = make_event(cause=placed)
    paid = make_event(cause=reserved)
    announced = make_event(cause=placed)
    await deliver(service, paid, announced, placed, reserved, make_event("another-trace"), consumer=JOURNAL)

    tree = (await staff.get("/api/v1/events/trace/trace-1")).json()["data"]

    assert _ids(tree) == [(str(placed.id), [(str(reserved.id), [(str(paid.id), [])]), (str(announced.id), [])])]


async def test_an_unknown_trace_is_empty(staff: httpx.AsyncClient) -> None:
    assert (await staff.get("/api/v1/events/trace/nothing")).json()["data"] == []


async def test_the_list_is_paged_by_cursor_from_the_newest(service: Service, staff: httpx.AsyncClient) -> None:
    events = [make_event() for _ in range(5)]
    await deliver(service, *events, consumer=JOURNAL)
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await staff.get("/api/v1/events", params={"limit": "2", **cursor})).json()
        seen += [event["id"] for event in page["data"]]
        if page["meta"]["next_cursor"] is None:
            break
        cursor = {"cursor": page["meta"]["next_cursor"]}

    assert seen == sorted((str(event.id) for event in events), reverse=True)


async def test_the_list_is_filtered(service: Service, staff: httpx.AsyncClient) -> None:
    old, new = make_event("old"), make_event("new")
    old = replace(old, time=datetime(2020, 1, 1, tzinfo=UTC), source="orders")
    await deliver(service, old, new, consumer=JOURNAL)

    async def found(**params: str) -> list[str]:
        return [event["id"] for event in (await staff.get("/api/v1/events", params=params)).json()["data"]]

    assert await found(source="orders") == [str(old.id)]
    assert await found(correlation_id="new") == [str(new.id)]
    assert await found(subject=new.subject) == [str(new.id)]
    assert await found(type="auth.user.registered.v1") == []
    assert await found(to="2020-01-02T00:00:00Z") == [str(old.id)]
    assert await found(**{"from": "2020-01-02T00:00:00Z"}) == [str(new.id)]


@pytest.mark.parametrize("data", [b"no json", b'{"text": "\\u0000"}', b"\xff"])
async def test_data_that_cannot_be_stored_is_dead_lettered_and_the_rest_of_its_batch_is_stored(
    service: Service, staff: httpx.AsyncClient, data: bytes
) -> None:
    settled = await deliver(service, make_event(), make_event(data=data), make_event(), consumer=JOURNAL, may_fail=True)

    assert [type(settlement) for settlement in settled] == [Done, Dead, Done]
    assert len((await staff.get("/api/v1/events")).json()["data"]) == 2


async def test_secrets_are_masked_by_their_name(service: Service, staff: httpx.AsyncClient) -> None:
    names = ("sealed_code", "client_secret", "password", "Passwd", "otp", "card_number")
    content = {"email": "a@b.c", "inner": [{"reset_token": "t"}]} | dict.fromkeys(names, "xyz")
    secret = make_event(data=json.dumps(content).encode())
    await deliver(service, secret, consumer=JOURNAL)

    data = (await staff.get(f"/api/v1/events/{secret.id}")).json()["data"]["data"]

    assert data == {"email": "a@b.c", "inner": [{"reset_token": "***"}]} | dict.fromkeys(names, "***")


async def test_only_staff_read_the_journal(service: Service, staff: httpx.AsyncClient, tokens: TestIssuer) -> None:
    paths = ("/events", f"/events/{new_id()}", "/events/trace/x", "/dead-letters", "/analytics/requests")
    for path in paths:
        assert (await staff.get(f"/api/v1{path}", headers=tokens.bearer())).status_code == 403
        assert (await staff.get(f"/api/v1{path}", headers={"Authorization": ""})).status_code == 401
    assert (await staff.get(f"/api/v1/events/{new_id()}")).status_code == 404
    assert (await staff.get("/api/v1/events", params={"cursor": "mine"})).json()["errors"][0]["field"] == "cursor"


async def test_the_journal_deletes_events_older_than_their_retention(
    service: Service, staff: httpx.AsyncClient
) -> None:
    await deliver(service, make_event(), make_event(), consumer=JOURNAL)
    job = retention("test", service.database, delete_events_before, timedelta(days=10))

    assert await job.run() == 0
    with clock.use(clock.FixedClock(clock.now() + timedelta(days=11))):
        assert await job.run() == 2
    assert (await staff.get("/api/v1/events")).json()["data"] == []


def _ids(nodes: list[dict[str, Any]]) -> list[tuple[str, Any]]:
    return [(str(UUID(node["id"])), _ids(node["children"])) for node in nodes]
