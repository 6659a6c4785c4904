"""The request log."""

import httpx
import pytest

from common import clock
from common.contracts.gateway import LoggedRequest, RequestsLogged
from common.ids import new_id
from common.testing import deliver
from common.web.service import Service


async def test_logged_requests_are_stored_in_the_request_log_only(service: Service, staff: httpx.AsyncClient) -> None:
    entry = LoggedRequest(request_id="r-1", at=clock.now(), method="GET", path="/", status=404, duration_ms=1.5)
    other = entry.model_copy(
        update={"request_id": "r-2", "status": 200, "service": "orders", "user_id": new_id(), "times": 7}
    )
    event = RequestsLogged(batch_id=new_id(), requests=(entry, other))
    await deliver(service, event)

    journal = (await staff.get("/api/v1/events")).json()["data"]
    requests = (await staff.get("/api/v1/analytics/requests")).json()["data"]
    failed = (await staff.get("/api/v1/analytics/requests", params={"status": 404})).json()["data"]
    of_user = (await staff.get("/api/v1/analytics/requests", params={"user_id": str(other.user_id)})).json()["data"]

    assert journal[0]["data"] == {"batch_id": str(event.batch_id)}
    assert [(request["request_id"], request["times"]) for request in requests] == [("r-2", 7), ("r-1", 1)]
    assert [request["request_id"] for request in failed] == ["r-1"]
    assert [request["service"] for request in of_user] == ["orders"]


@pytest.mark.parametrize("cursor", ["0", "-1", "1_0", "9223372036854775808", "9" * 40, "next"])
async def test_a_cursor_that_is_no_row_number_is_an_error(staff: httpx.AsyncClient, cursor: str) -> None:
    answer = await staff.get("/api/v1/analytics/requests", params={"cursor": cursor})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_cursor")
