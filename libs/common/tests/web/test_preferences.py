"""`Prefer: wait=N`."""

import pytest
from httpx import AsyncClient

from common.web.preferences import wait_seconds


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [
        (None, 0),
        ("", 0),
        ("wait=5", 5),
        ("respond-async, wait=3", 3),
        ("wait=4; foo=bar", 4),
        ('WAIT="2"', 2),
        ("wait = 7 , respond-async", 7),
        ("wait=600", 10),
        ("wait=123456789", 10),
        ("wait=0", 0),
        ("wait=-1", 0),
        ("wait=soon", 0),
        ("await=5", 0),
        ("await=5; wait=-1", 0),
    ],
)
def test_the_wait_is_parsed_as_rfc_7240_writes_it(prefer: str | None, seconds: int) -> None:
    assert wait_seconds(prefer) == seconds


@pytest.mark.parametrize(("headers", "seconds"), [({}, 0), ({"Prefer": "respond-async, wait=600"}, 10)])
async def test_a_route_gets_the_wait_of_the_header(client: AsyncClient, headers: dict[str, str], seconds: int) -> None:
    assert (await client.get("/api/v1/wait", headers=headers)).json()["data"] == seconds
