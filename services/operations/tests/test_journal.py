"""The journal: everything, once, in order, as a tree."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from common import clock
from common.bus.delivery import Dead, Done
from common.contracts.auth import UserDeactivated
from common.contracts.gateway import LoggedRequest, RequestsLogged
from common.events.cloudevent import CloudEvent
from common.ids import new_id
from common.testing import TestIssuer, cloud_event_of, deliver
from common.web.service import Service
from operations.jobs import retention
from operations.usecases.forget import forget_events

JOURNAL = "operations.journal"


def happened(correlation_id: str = "story-1", cause: CloudEvent | None = None, data: bytes | None = None) -> CloudEvent:
    made = cloud_event_of(UserDeactivated(user_id=new_id()))
    changed = {"correlation_id": correlation_id, "causation_id": str(cause.id) if cause else None}
    return replace(made, **changed, data=data or made.data)  # type: ignore[arg-type]


async def test_an_event_that_arrives_twice_is_kept_once(service: Service, staff: httpx.AsyncClient) -> None:
    event = happened()
    await deliver(service, event, happened(), consumer=JOURNAL)
    await deliver(service, event, consumer=JOURNAL)

    kept = (await staff.get("/api/v1/events")).json()["data"]

    assert len(kept) == 2
    found = (await staff.get(f"/api/v1/events/{event.id}")).json()["data"]
    assert found["type"] == "auth.user.deactivated.v1"
    assert found["source"] == "auth"
    assert found["subject"] == event.subject
    assert found["data"] == {"user_id": event.subject}
    assert datetime.fromisoformat(found["time"]) == event.time


async def test_a_trace_shows_what_led_to_what(service: Service, staff: httpx.AsyncClient) -> None:
    placed = happened()
    reserved = happened(cause=placed)
    paid = happened(cause=reserved)
    told = happened(cause=placed)
    await deliver(service, paid, told, placed, reserved, happened("another story"), consumer=JOURNAL)

    tree = (await staff.get("/api/v1/events/trace/story-1")).json()["data"]

    assert _ids(tree) == [(str(placed.id), [(str(reserved.id), [(str(paid.id), [])]), (str(told.id), [])])]


async def test_a_trace_that_nobody_heard_of_is_empty(staff: httpx.AsyncClient) -> None:
    assert (await staff.get("/api/v1/events/trace/nothing")).json()["data"] == []


async def test_the_feed_is_walked_by_cursor_from_the_newest(service: Service, staff: httpx.AsyncClient) -> None:
    events = [happened() for _ in range(5)]
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


async def test_the_feed_is_filtered_by_what_is_known_of_an_event(service: Service, staff: httpx.AsyncClient) -> None:
    old, new = happened("old"), happened("new")
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
async def test_data_that_cannot_be_kept_is_given_up_and_its_neighbours_are_kept(
    service: Service, staff: httpx.AsyncClient, data: bytes
) -> None:
    settled = await deliver(service, happened(), happened(data=data), happened(), consumer=JOURNAL, may_fail=True)

    assert [type(settlement) for settlement in settled] == [Done, Dead, Done]
    assert len((await staff.get("/api/v1/events")).json()["data"]) == 2


async def test_what_a_name_calls_secret_is_not_shown(service: Service, staff: httpx.AsyncClient) -> None:
    event = happened(data=b'{"email": "a@b.c", "sealed_code": "xyz", "inner": [{"reset_token": "t"}]}')
    await deliver(service, event, consumer=JOURNAL)

    shown = (await staff.get(f"/api/v1/events/{event.id}")).json()["data"]["data"]

    assert shown == {"email": "a@b.c", "sealed_code": "***", "inner": [{"reset_token": "***"}]}


async def test_logged_requests_are_kept_in_their_own_log_only(service: Service, staff: httpx.AsyncClient) -> None:
    entry = LoggedRequest(request_id="r-1", at=clock.now(), method="GET", path="/", status=404, duration_ms=1.5)
    other = entry.model_copy(
        update={"request_id": "r-2", "status": 200, "service": "orders", "user_id": new_id(), "times": 7}
    )
    event = RequestsLogged(batch_id=new_id(), requests=(entry, other))
    await deliver(service, event)

    journal = (await staff.get("/api/v1/events")).json()["data"]
    requests = (await staff.get("/api/v1/analytics/requests")).json()["data"]
    failed = (await staff.get("/api/v1/analytics/requests", params={"status": 404})).json()["data"]
    theirs = (await staff.get("/api/v1/analytics/requests", params={"user_id": str(other.user_id)})).json()["data"]

    assert journal[0]["data"] == {"batch_id": str(event.batch_id)}
    assert [(request["request_id"], request["times"]) for request in requests] == [("r-2", 7), ("r-1", 1)]
    assert [request["request_id"] for request in failed] == ["r-1"]
    assert [request["service"] for request in theirs] == ["orders"]


async def test_only_staff_read_the_journal(service: Service, staff: httpx.AsyncClient, tokens: TestIssuer) -> None:
    paths = ("/events", f"/events/{new_id()}", "/events/trace/x", "/dead-letters", "/analytics/requests")
    for path in paths:
        assert (await staff.get(f"/api/v1{path}", headers=tokens.bearer())).status_code == 403
        assert (await staff.get(f"/api/v1{path}", headers={"Authorization": ""})).status_code == 401
    assert (await staff.get(f"/api/v1/events/{new_id()}")).status_code == 404
    assert (await staff.get("/api/v1/events", params={"cursor": "mine"})).json()["errors"][0]["field"] == "cursor"


async def test_the_journal_forgets_what_is_older_than_it_should_be(service: Service, staff: httpx.AsyncClient) -> None:
    await deliver(service, happened(), happened(), consumer=JOURNAL)
    keep = retention("test", service.database, forget_events, timedelta(days=10))

    assert await keep.run() == 0
    with clock.use(clock.FixedClock(clock.now() + timedelta(days=11))):
        assert await keep.run() == 2
    assert (await staff.get("/api/v1/events")).json()["data"] == []


def _ids(nodes: list[dict[str, Any]]) -> list[tuple[str, Any]]:
    return [(str(UUID(node["id"])), _ids(node["children"])) for node in nodes]
